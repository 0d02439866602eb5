// SPDX-License-Identifier: Apache-2.0
// What a run on a DRAM channel costs, from the counts of its commands and the part's currents. Drivers and
// termination of the data pins are not in it.
#pragma once

#include "deltahop/hardware/dram_part.h"
#include "deltahop/simulate/dram_channel.h"

namespace deltahop {

struct DramEnergyParts {
  double activation_pJ = 0.0, read_pJ = 0.0, write_pJ = 0.0, refresh_pJ = 0.0;
  double active_background_pJ = 0.0, precharged_background_pJ = 0.0;  // standby with a row open, with none

  double background_pJ() const { return active_background_pJ + precharged_background_pJ; }
  double total_pJ() const { return activation_pJ + read_pJ + write_pJ + refresh_pJ + background_pJ(); }
};

// Of all chips of the channel.
DramEnergyParts energy_of(const DramCounters& counters, const DramPart& part, int chips);

}  // namespace deltahop
