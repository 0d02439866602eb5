// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/cost.h"

namespace deltahop {

double MappingCost::energy() const {
  double sum = mac_energy + hop_energy;
  for (const auto& level : level_energy) {
    for (const double operand : level) sum += operand;
  }
  return sum;
}

MappingCost cost_of(const AccessCounts& counts, const UnitCosts& costs) {
  MappingCost cost{.mac_energy = static_cast<double>(counts.macs) * costs.mac};
  for (const int64_t words : counts.array_words) cost.hop_energy += static_cast<double>(words) * costs.hop;
  for (size_t level = 0; level < counts.levels.size(); ++level) {
    auto& energies = cost.level_energy.emplace_back();
    for (size_t operand = 0; operand < kOperands; ++operand) {
      energies[operand] = static_cast<double>(counts.levels[level][operand].total()) * costs.access.at(level);
    }
  }
  return cost;
}

}  // namespace deltahop
