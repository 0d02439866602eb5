// SPDX-License-Identifier: Apache-2.0
// Goes through a mapping's nest iteration by iteration, with every element of the array and every stored
// tile, and counts what moves: slow, clear, and the truth that the closed form of access_counts.h must equal.
#pragma once

#include <functional>

#include "deltahop/mapping/access_counts.h"
#include "deltahop/mapping/sparsity.h"

namespace deltahop {

// For small problems: time and memory grow with the multiplications.
AccessCounts walk_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

// Weights and inputs by their indices in all dimensions; 0 in those that do not matter to them. An input is
// told by the output and the tap that meet it.
using IsZero = std::function<bool(Operand operand, const std::array<int64_t, kDimensions>& index)>;

// The same with values that may be zero: what an element's gates and skips leave of its multiplications and
// of the accesses of its own storage (sparsity.h). Cycles stay those of dense values, and nothing is coded.
AccessCounts walk_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping,
                           const Sparsity& sparsity, const IsZero& is_zero);

}  // namespace deltahop
