// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/weight_port.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/simulate/dram_energy.h"

namespace deltahop::edge_drnn {
namespace {

constexpr int64_t kMostRequests = 20'000'000;  // that are recorded

DramController controller_of(const DramSettings& settings) {
  DramController controller;
  controller.page = settings.open_page ? DramPage::open : DramPage::closed;
  controller.refresh = settings.refresh;
  return controller;
}

}  // namespace

DramWeights::DramWeights(const EdgeDrnnConfig& chip, std::vector<DramRequest>* requests)
    : chip_(chip),
      requests_(requests),
      channel_(load_dram_part(chip.dram.part), controller_of(chip.dram)),
      clocks_a_cycle_(channel_.part().clock.number() / chip.architecture.clock.number()) {}

int64_t DramWeights::first_clock(int64_t cycle) const {
  return static_cast<int64_t>(std::ceil(static_cast<double>(cycle) * clocks_a_cycle_ - 1e-6));
}

int64_t DramWeights::first_cycle(int64_t clock) const {
  return static_cast<int64_t>(std::ceil(static_cast<double>(clock) / clocks_a_cycle_ - 1e-6));
}

void DramWeights::fetch(int64_t address, int64_t bytes, int64_t cycle, std::vector<int64_t>& arrivals) {
  const int64_t burst = channel_.burst_bytes(), beat = chip_.beat_bytes();
  const int64_t first = address / burst, last = (address + bytes - 1) / burst;
  const int64_t start = first_clock(cycle);
  const uint64_t first_tag = next_tag_;
  if (requests_ != nullptr && std::ssize(*requests_) > kMostRequests)
    throw Error(chip_.architecture.name, fmt::format("asks for more than {} bursts", kMostRequests),
                "record fewer steps");
  done_.assign(static_cast<size_t>(last - first + 1), 0);
  int64_t known = 0;
  const auto collect = [&] {
    DramCompletion completion;
    while (channel_.next_completion(completion)) {
      done_[completion.tag - first_tag] = completion.clock;
      ++known;
    }
  };
  for (int64_t at = first; at <= last; ++at, ++next_tag_) {
    const DramRequest request{.address = static_cast<uint64_t>(at * burst), .write = false, .arrival = start};
    while (!channel_.push(request, next_tag_)) channel_.step();
    if (requests_ != nullptr) requests_->push_back(request);
  }
  while (known < std::ssize(done_)) {
    collect();
    if (known < std::ssize(done_)) DELTAHOP_CHECK(channel_.step());
  }
  for (int64_t byte = address; byte < address + bytes; byte += beat) {
    const int64_t clock = done_[static_cast<size_t>((byte + beat - 1) / burst - first)];
    last_arrival_ = std::max(last_arrival_, first_cycle(clock) + chip_.dram.port_latency_cycles);
    arrivals.push_back(last_arrival_);
  }
}

DramCounters DramWeights::counters(int64_t cycles) const {
  return channel_.counters(std::max(first_clock(cycles), channel_.now()));
}

std::vector<std::string> DramWeights::notes(int64_t cycles) const {
  const DramCounters counts = counters(cycles);
  const DramPart& part = channel_.part();
  const double seconds = static_cast<double>(counts.elapsed_clocks) / part.clock.number();
  const double bytes = static_cast<double>(counts.reads * channel_.burst_bytes());
  const double energy = energy_of(counts, part, channel_.controller().chips).total_pJ();
  if (counts.reads == 0) return {fmt::format("DRAM {}: no column was fetched", part.name)};
  return {fmt::format("DRAM {}: {:.3g} MB/s of {:.4g} MB/s, {:.1f} % of bursts in an open row, {} refreshes",
                      part.name, bytes / seconds * 1e-6, part.peak_bytes_per_second() * 1e-6,
                      100 * static_cast<double>(counts.row_hits) / static_cast<double>(counts.reads),
                      counts.refreshes),
          fmt::format("DRAM {}: {:.3g} mW, {:.3g} pJ a bit with background, without its pins{}", part.name,
                      energy * 1e-9 / seconds, energy / (8 * bytes),
                      part.currents_are_weak ? " (currents are an orientation)" : "")};
}

}  // namespace deltahop::edge_drnn
