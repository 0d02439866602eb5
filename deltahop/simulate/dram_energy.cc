// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_energy.h"

namespace deltahop {

DramEnergyParts energy_of(const DramCounters& counters, const DramPart& part, int chips) {
  const DramCosts costs = costs_of(part);
  const auto times = [chips](int64_t count) { return static_cast<double>(count) * chips; };
  const double clock_pJ_per_W = part.clock_ns() * 1e3;  // W x ns = 1000 pJ
  DramEnergyParts energy;
  energy.activation_pJ = times(counters.activates) * costs.activate_pJ;
  energy.read_pJ = times(counters.reads) * costs.read_pJ;
  energy.write_pJ = times(counters.writes) * costs.write_pJ;
  energy.refresh_pJ = times(counters.refreshes) * costs.refresh_pJ;
  energy.active_background_pJ = times(counters.active_clocks) * clock_pJ_per_W * costs.active.number();
  energy.precharged_background_pJ =
      times(counters.elapsed_clocks - counters.active_clocks) * clock_pJ_per_W * costs.precharged.number();
  return energy;
}

}  // namespace deltahop
