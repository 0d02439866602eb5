// SPDX-License-Identifier: Apache-2.0
// What a mapping costs: accesses times the energy of one, and time as the larger of computing and moving.
#pragma once

#include <array>
#include <vector>

#include "deltahop/mapping/access_counts.h"

namespace deltahop {

// Energies in any one unit (picojoules, or multiples of a multiplication as in [Chen2016]).
struct UnitCosts {
  double mac = 1.0;
  double hop = 0.0;            // one element between the array's edge and an element of the array
  std::vector<double> access;  // one element read or written, by level
};

struct MappingCost {
  double mac_energy = 0.0, hop_energy = 0.0;
  std::vector<std::array<double, kOperands>> level_energy = {};  // by level and operand
  double energy() const;
};
MappingCost cost_of(const AccessCounts& counts, const UnitCosts& costs);

}  // namespace deltahop
