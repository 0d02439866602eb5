// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/cost.h"

namespace deltahop {

void Savings::leave_weights_in_place() {
  constexpr size_t kWeights = index_of(Operand::weight);
  if (size.size() < 3) size.resize(3, {1.0, 1.0, 1.0});  // DRAM, buffer, elements
  for (auto& level : size) level[kWeights] = 0;
  in_element[kWeights] = over_array[kWeights] = 0;
}

AccessedWords accessed_words(const AccessCounts& counts, const Hierarchy& hierarchy, const Savings& savings) {
  AccessedWords words{.macs = static_cast<double>(counts.macs) * savings.macs,
                      .cycles = static_cast<double>(counts.cycles) * savings.cycles,
                      .levels = {}};
  words.levels.resize(hierarchy.levels.size());
  for (const Operand operand : kAllOperands) {
    const size_t index = index_of(operand);
    for (const Transfer& transfer : counts.transfers[index]) {
      const auto at_outer = static_cast<double>(transfer.down_unique + transfer.up_unique);
      const auto at_inner = static_cast<double>(transfer.down_copies + transfer.up_copies);
      const bool is_in_array = transfer.outer >= hierarchy.array_level;
      words.levels[transfer.outer][index] +=
          at_outer * (is_in_array ? savings.in_element[index] : savings.size_at(transfer.outer, operand));
      if (transfer.inner < hierarchy.levels.size())
        words.levels[transfer.inner][index] += at_inner * savings.size_at(transfer.inner, operand);
      if (!is_in_array && transfer.inner >= hierarchy.array_level)
        words.array_words[index] += at_inner * savings.over_array[index];
      if (operand != Operand::output || transfer.outer != 0) continue;
      // Sums that begin at level 0 leave it finished, once.
      words.levels[0][index] -=
          static_cast<double>(transfer.up_unique - transfer.down_unique) * (1.0 - savings.finished);
    }
  }
  return words;
}

double MappingCost::energy() const {
  double sum = mac_energy;
  for (const double hops : hop_energy) sum += hops;
  for (const auto& level : level_energy) {
    for (const double operand : level) sum += operand;
  }
  return sum;
}

MappingCost cost_of(const AccessCounts& counts, const Hierarchy& hierarchy, const UnitCosts& costs) {
  const AccessedWords words = accessed_words(counts, hierarchy, costs.savings);
  MappingCost cost{.mac_energy = words.macs * costs.mac};
  for (size_t operand = 0; operand < kOperands; ++operand)
    cost.hop_energy[operand] = words.array_words[operand] * costs.hop;
  for (size_t level = 0; level < words.levels.size(); ++level) {
    auto& energies = cost.level_energy.emplace_back();
    for (size_t operand = 0; operand < kOperands; ++operand)
      energies[operand] = words.levels[level][operand] * costs.access.at(level);
  }
  return cost;
}

}  // namespace deltahop
