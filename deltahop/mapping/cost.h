// SPDX-License-Identifier: Apache-2.0
// What a mapping costs: the words that are really accessed, times the energy of one access. Zeros make them
// fewer; how many fewer is a factor for each place and operand (Savings, filled by sparsity.h), so that costs
// stay sums of products and the best mapping is found under the reduced costs.
#pragma once

#include <array>
#include <vector>

#include "deltahop/mapping/access_counts.h"

namespace deltahop {

// What zeros leave of dense counts, as fractions; all 1 where nothing is saved. Energy only, except `cycles`.
struct Savings {
  double macs = 1.0;  // multiplications that are done (gating)
  // Accesses of an element's own storage for its multiplications, by operand (gating). What the array or the
  // buffer sends to several elements at once is sent to all of them, whatever one of them finds.
  std::array<double, kOperands> in_element{1.0, 1.0, 1.0};
  // The size of a moved word (compression), by level and operand; 1 where the list ends.
  std::vector<std::array<double, kOperands>> size = {};
  std::array<double, kOperands> over_array{1.0, 1.0, 1.0};
  // The size of a finished output at level 0. Partial sums are not compressed.
  double finished = 1.0;
  // Cycles of an element (skipping), where all elements are kept equally busy.
  double cycles = 1.0;

  double size_at(size_t level, Operand operand) const {
    return level < size.size() ? size[level][index_of(operand)] : 1.0;
  }
  // No access of a weight costs anything, wherever it is.
  void leave_weights_in_place();
  friend bool operator==(const Savings&, const Savings&) = default;
};

// Energies in any one unit (picojoules, or multiples of a multiplication as in [Chen2016]).
struct UnitCosts {
  double mac = 1.0;
  double hop = 0.0;            // one element between the array's edge and an element of the array
  std::vector<double> access;  // one element read or written, by level
  Savings savings = {};

  // One word of `operand`, as zeros leave it.
  double access_of(size_t level, Operand operand) const {
    return access.at(level) * savings.size_at(level, operand);
  }
  double hop_of(Operand operand) const { return hop * savings.over_array[index_of(operand)]; }
  double element_access_of(size_t level, Operand operand) const {
    return access.at(level) * savings.in_element[index_of(operand)];
  }
};

// Dense counts less what is saved, in words that are not compressed.
struct AccessedWords {
  double macs = 0.0;
  double cycles = 0.0;
  std::vector<std::array<double, kOperands>> levels;  // read and written
  std::array<double, kOperands> array_words{};
};
AccessedWords accessed_words(const AccessCounts& counts, const Hierarchy& hierarchy, const Savings& savings);

struct MappingCost {
  double mac_energy = 0.0;
  std::array<double, kOperands> hop_energy{};
  std::vector<std::array<double, kOperands>> level_energy = {};  // by level and operand
  double energy() const;
};
MappingCost cost_of(const AccessCounts& counts, const Hierarchy& hierarchy, const UnitCosts& costs);

}  // namespace deltahop
