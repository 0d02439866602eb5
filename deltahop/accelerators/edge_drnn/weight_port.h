// SPDX-License-Identifier: Apache-2.0
// The weights' way out of a DRAM channel: each column is one transfer of 3H bytes, cut into the part's
// bursts; a beat is there when its last byte is.
#pragma once

#include <string>
#include <vector>

#include "deltahop/accelerators/edge_drnn/schedule.h"
#include "deltahop/simulate/dram_channel.h"

namespace deltahop::edge_drnn {

class DramWeights {
 public:
  // Throws Error where the part is unknown. `requests`, where given, takes every burst that is asked for, in
  // clocks of the DRAM.
  explicit DramWeights(const EdgeDrnnConfig& chip, std::vector<DramRequest>* requests = nullptr);

  // As WeightFeed.
  void fetch(int64_t address, int64_t bytes, int64_t cycle, std::vector<int64_t>& arrivals);
  // What the memory did in all chip cycles of a run, a line each: bandwidth, rows, energy.
  std::vector<std::string> notes(int64_t cycles) const;
  DramCounters counters(int64_t cycles) const;

 private:
  int64_t first_clock(int64_t cycle) const;  // the first DRAM clock that does not lie before it
  int64_t first_cycle(int64_t clock) const;

  const EdgeDrnnConfig& chip_;
  std::vector<DramRequest>* requests_;
  DramChannel channel_;
  double clocks_a_cycle_;
  uint64_t next_tag_ = 0;
  int64_t last_arrival_ = 0;
  std::vector<int64_t> done_;  // clocks at which the bursts of the transfer in hand are over
};

}  // namespace deltahop::edge_drnn
