// SPDX-License-Identifier: Apache-2.0
// Goes through a mapping's nest iteration by iteration, with every element of the array and every stored
// tile, and counts what moves: slow, clear, and the truth that the closed form of access_counts.h must equal.
#pragma once

#include "deltahop/mapping/access_counts.h"

namespace deltahop {

// For small problems: time and memory grow with the multiplications.
AccessCounts walk_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

}  // namespace deltahop
