// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_stream.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/simulate/dram_source.h"

namespace deltahop {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int64_t kMostColumns = int64_t{1} << 24;
constexpr int kExactBits = 10;  // a histogram's slots: 2^10 for every power of two

const std::vector<std::string> kKindNames = {"sequential", "random", "columns", "same-bank", "rotating"};

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(':', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

[[noreturn]] void refuse(std::string_view stream, const std::string& what, std::string_view hint = {}) {
  throw Error(fmt::format("stream '{}'", stream), what, hint);
}

int64_t whole_number(std::string_view stream, std::string_view digits, int64_t highest) {
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (fault != std::errc() || end != digits.data() + digits.size() || value < 1 || value > highest)
    refuse(stream, fmt::format("'{}' is no whole number in 1..{}", digits, highest));
  return value;
}

double fraction(std::string_view stream, std::string_view text) {
  std::string_view digits = text;
  const bool percent = digits.ends_with('%');
  if (percent) digits.remove_suffix(1);
  double value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (percent) value /= 100.0;
  if (fault != std::errc() || end != digits.data() + digits.size() || !(value > 0 && value <= 1))
    refuse(stream, fmt::format("'{}' is no fraction above 0 and up to 1", text), "write 0.1 or 10%");
  return value;
}

}  // namespace

DramStream parse_dram_stream(std::string_view text) {
  const std::vector<std::string_view> parts = split(text);
  DramStream stream;
  stream.text = text;
  const std::string name(parts.front());
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end())
    refuse(text, fmt::format("'{}' is no kind of stream", name), suggest(name, kKindNames));
  stream.kind = static_cast<DramStream::Kind>(found - kKindNames.begin());
  const bool columns = stream.kind == DramStream::Kind::columns;
  const size_t most = columns ? 4 : (stream.kind == DramStream::Kind::sequential ? 1 : 2);
  if (parts.size() > most) refuse(text, fmt::format("'{}' takes {} values at most", name, most - 1));
  if (columns) {
    if (parts.size() < 2)
      refuse(text, "the bytes of a column are missing", "write for example columns:2304:10%");
    stream.column_bytes = whole_number(text, parts[1], kMostBytes);
    if (parts.size() > 2) stream.kept_fraction = fraction(text, parts[2]);
    if (parts.size() > 3) stream.columns = whole_number(text, parts[3], kMostColumns);
  } else if (parts.size() > 1) {
    stream.access_bytes = whole_number(text, parts[1], kMostBytes);
  }
  return stream;
}

size_t DramHistogram::slot_of(int64_t value) {
  const auto number = static_cast<uint64_t>(value);
  const int shift = std::max(0, static_cast<int>(std::bit_width(number)) - 1 - kExactBits);
  return (static_cast<size_t>(shift) << kExactBits) + static_cast<size_t>(number >> shift);
}

int64_t DramHistogram::value_of(size_t slot) {
  constexpr size_t kPerPower = size_t{1} << kExactBits;
  if (slot < 2 * kPerPower) return static_cast<int64_t>(slot);
  const size_t shift = slot / kPerPower - 1;
  return static_cast<int64_t>((slot - shift * kPerPower) << shift);
}

void DramHistogram::add(int64_t value) {
  const size_t slot = slot_of(value);
  if (slot >= counts_.size()) counts_.resize(slot + 1);
  ++counts_[slot];
  lowest_ = count_ == 0 ? value : std::min(lowest_, value);
  highest_ = std::max(highest_, value);
  ++count_;
  sum_ += static_cast<double>(value);
}

int64_t DramHistogram::quantile(double fraction) const {
  const double wanted = fraction * static_cast<double>(count_);
  int64_t seen = 0;
  for (size_t slot = 0; slot < counts_.size(); ++slot) {
    seen += counts_[slot];
    if (counts_[slot] > 0 && static_cast<double>(seen) >= wanted) return value_of(slot);
  }
  return highest_;
}

std::vector<std::pair<int64_t, int64_t>> DramHistogram::ranges(int parts) const {
  std::vector<std::pair<int64_t, int64_t>> result;
  if (count_ == 0) return result;
  const int64_t width = (highest_ - lowest_) / parts + 1;
  for (int64_t begin = lowest_; begin <= highest_; begin += width)
    result.emplace_back(std::min(begin + width - 1, highest_), 0);
  for (size_t slot = 0; slot < counts_.size(); ++slot) {
    if (counts_[slot] == 0) continue;
    const int64_t value = std::max(value_of(slot), lowest_);
    result[static_cast<size_t>((value - lowest_) / width)].second += counts_[slot];
  }
  return result;
}

namespace {

// A requester that waits for `outstanding` requests at most.
class Requester {
 public:
  Requester(DramChannel& channel, DramSource& source, int outstanding, const DramWatchers& watchers,
            DramRun& run)
      : channel_(channel), source_(source), outstanding_(outstanding), watchers_(watchers), run_(run) {}

  void drive() {
    DramRequest request;
    while (source_.next(request)) {
      if (outstanding_ > 0) {
        while (in_flight_ >= outstanding_) wait();
        request.arrival = std::max(request.arrival, slot_free_);
        while (!channel_.push(request, 0)) channel_.step();
      } else {
        // It has a request ready whenever the queue has room for it: a clock given by a trace still counts.
        const int64_t given = request.arrival;
        for (;;) {
          if (given == 0) request.arrival = channel_.now();
          if (channel_.push(request, 0)) break;
          channel_.step();
        }
        drain();
      }
      ++in_flight_;
      if (watchers_.request) {
        const int64_t arrival = request.arrival;
        request.arrival = std::max(arrival, channel_.now());
        watchers_.request(request);
        request.arrival = arrival;
      }
      if ((++run_.requests & 0xFFFFF) == 0)
        report_progress(watchers_.progress, "requests", run_.requests, source_.total());
    }
    run_.clocks = channel_.finish();
    drain();
  }

 private:
  void done(const DramCompletion& completion) {
    if (run_.first_clock == 0) run_.first_clock = completion.clock;
    run_.latency.add(completion.clock - completion.arrival);
    slot_free_ = std::max(slot_free_, completion.clock);
    --in_flight_;
  }
  void wait() {
    DramCompletion completion;
    while (!channel_.next_completion(completion)) channel_.step();
    done(completion);
  }
  void drain() {
    DramCompletion completion;
    while (channel_.next_completion(completion)) done(completion);
  }

  DramChannel& channel_;
  DramSource& source_;
  const int outstanding_;
  const DramWatchers& watchers_;
  DramRun& run_;
  int64_t in_flight_ = 0, slot_free_ = 0;
};

void check_load(const DramLoad& load) {
  if (load.requests < 1) throw Error("requests", "must be at least 1");
  if (load.outstanding < 0) throw Error("outstanding", "must not be negative");
  if (!(load.write_fraction >= 0 && load.write_fraction <= 1)) throw Error("writes", "must lie in 0..1");
}

}  // namespace

DramRun run_dram_stream(const DramPart& part, const DramController& controller, const DramStream& stream,
                        const DramLoad& load, const DramWatchers& watchers) {
  check_load(load);
  DramChannel channel(part, controller);
  if (watchers.command) channel.watch(watchers.command);
  DramSource source(stream, load, part, channel.mapping());
  DramRun run;
  run.stream = stream.text;
  run.outstanding = load.outstanding;
  Requester(channel, source, load.outstanding, watchers, run).drive();
  const int64_t end = std::max(run.clocks, channel.now());
  run.counters = channel.counters(end);
  run.clock_ns = part.clock_ns();
  run.peak_bytes_per_second = part.peak_bytes_per_second() * controller.chips;
  run.bytes_wanted = source.bytes_wanted();
  run.bytes_moved = (run.counters.reads + run.counters.writes) * channel.burst_bytes();
  run.utilisation_fraction =
      static_cast<double>((run.counters.reads + run.counters.writes) * part.burst_clocks()) /
      static_cast<double>(run.clocks);
  run.energy = energy_of(run.counters, part, controller.chips);
  return run;
}

}  // namespace deltahop
