// SPDX-License-Identifier: Apache-2.0
// Streams of requests, made or read from a trace, driven through a channel by a requester that keeps so many
// of them outstanding.
//   const DramRun run = run_dram_stream(part, {}, parse_dram_stream("columns:2304:0.1"), {.requests =
//   100000});
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/progress.h"
#include "deltahop/hardware/dram_part.h"
#include "deltahop/simulate/dram_channel.h"
#include "deltahop/simulate/dram_energy.h"

namespace deltahop {

struct DramTransfer {
  uint64_t address = 0;
  int64_t bytes = 0;
};

struct DramStream {
  enum class Kind : uint8_t { sequential, random, columns, same_bank, rotating, trace, transfers };
  Kind kind = Kind::sequential;
  std::string text;  // as it was given
  // random, same-bank, rotating: bytes that each access wants; 0 for one burst.
  int64_t access_bytes = 0;
  // Columns of a weight matrix, one after the other in memory, each on a whole number of bursts. Every step
  // reads a fresh random choice of them in ascending order, as a delta network does.
  int64_t column_bytes = 0;
  double kept_fraction = 1.0;
  int64_t columns = 1536;
  std::vector<DramRequest> trace;
  std::vector<DramTransfer> transfers;  // read one behind the other

  bool plays_once() const { return kind == Kind::trace || kind == Kind::transfers; }
};

// "sequential", "random[:BYTES]", "columns:BYTES[:KEPT[:COUNT]]", "same-bank[:BYTES]", "rotating[:BYTES]";
// KEPT is a fraction or "10%". Throws Error; traces and transfers are no business of this.
DramStream parse_dram_stream(std::string_view text);

struct DramLoad {
  int64_t requests = 100'000;  // bursts; traces and transfers are played once, whatever this says
  int outstanding = 0;         // that the requester waits for at most; 0: as many as the queues take
  double write_fraction = 0.0;
  uint64_t seed = 1;
};

// How many fell on which value: exact below 2048, to 0.1 % above.
class DramHistogram {
 public:
  void add(int64_t value);
  int64_t count() const { return count_; }
  double mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }
  int64_t lowest() const { return lowest_; }
  int64_t highest() const { return highest_; }
  // The smallest value that at least this fraction do not exceed.
  int64_t quantile(double fraction) const;
  // Counts in `parts` ranges of equal width from the lowest to the highest value: (upper end, count).
  std::vector<std::pair<int64_t, int64_t>> ranges(int parts) const;

 private:
  static size_t slot_of(int64_t value);
  static int64_t value_of(size_t slot);
  std::vector<int64_t> counts_;
  int64_t count_ = 0, lowest_ = 0, highest_ = 0;
  double sum_ = 0.0;
};

struct DramRun {
  std::string stream;
  int outstanding = 0;
  int64_t requests = 0;
  int64_t bytes_wanted = 0;  // by the requester
  int64_t bytes_moved = 0;   // whole bursts
  int64_t clocks = 0;        // from 0 to the last beat
  int64_t first_clock =
      0;  // of the first burst's last beat: (clocks - first_clock) / (requests - 1) is steady
  double clock_ns = 0.0;
  double peak_bytes_per_second = 0.0;
  double utilisation_fraction = 0.0;  // of the data bus
  DramHistogram latency;              // clocks from arrival to the last beat
  DramCounters counters;
  DramEnergyParts energy;

  double seconds() const { return static_cast<double>(clocks) * clock_ns * 1e-9; }
  double wanted_bytes_per_second() const { return static_cast<double>(bytes_wanted) / seconds(); }
  double moved_bytes_per_second() const { return static_cast<double>(bytes_moved) / seconds(); }
  double pJ_per_bit(double energy_pJ) const { return energy_pJ / (static_cast<double>(bytes_wanted) * 8.0); }
};

struct DramWatchers {
  std::function<void(const DramRequest&)> request;  // as it was accepted, with its clock
  std::function<void(const DramCommand&)> command;
  Progress progress;
};

// Runs until the last request is done. Throws Error where the stream does not fit the part.
DramRun run_dram_stream(const DramPart& part, const DramController& controller, const DramStream& stream,
                        const DramLoad& load, const DramWatchers& watchers = {});

}  // namespace deltahop
