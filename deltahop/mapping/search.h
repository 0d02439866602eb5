// SPDX-License-Identifier: Apache-2.0
// The best mapping of a problem, with proof: every mapping of the space below is either tried or shown to
// cost no less than the best one found.
//
// The space, for chips with DRAM, one buffer and elements with or without storage:
// - a tile is a whole number of the next smaller tile in every dimension, except the last one along it;
// - each dimension is spread over rows of the array, over columns, over both or neither, as the dataflow
//   allows;
// - the loops of DRAM and of the buffer stand in any order. Of all orders only those matter that keep one
//   operand in place while the dimensions it does not depend on run innermost, and for windows that slide,
//   which dimension of the output they slide along.
// A count is then a sum of products with one factor a dimension, which is what makes bounds cheap: the best
// factor of every dimension that is still open.
#pragma once

#include <optional>
#include <string>

#include "deltahop/mapping/cost.h"

namespace deltahop {

enum class Objective : uint8_t { energy, cycles, energy_delay };

// What a dataflow leaves open [Sze2017] section V.B.
struct Dataflow {
  std::string name;
  std::array<bool, kDimensions> over_rows{}, over_columns{};  // may be spread
  std::array<bool, kDimensions> in_element{};                 // may loop within an element
};

struct SearchResult {
  std::optional<Mapping> mapping;  // absent where nothing fits
  double value = 0.0;              // energy, cycles (before any are skipped), or their product
  int64_t tried = 0;               // mappings counted to the end
  int64_t nodes = 0;               // partial mappings looked at
  double space = 0.0;  // mappings in the space; some do not fit where each group of dimensions fits alone
};

SearchResult find_mapping(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                          const Dataflow& dataflow, Objective objective);

// No mapping of the problem on this chip can cost less: every multiplication is done and fetched once from
// the innermost storage of its operands, every element of every operand crosses each level once.
double lower_bound(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                   Objective objective);

}  // namespace deltahop
