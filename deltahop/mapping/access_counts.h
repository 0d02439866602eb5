// SPDX-License-Identifier: Apache-2.0
// How often a mapping touches each storage level, by closed form: products over dimensions of how many chunks
// a cut through the nest sees. walk.h counts the same by going through the nest.
//
// The rule that both follow: a level fetches a new tile of an operand inside the innermost temporal loop
// around it that moves the operand (is relevant and has more than one chunk); loops further in use the tile
// again. With LevelLoops::slides, what two neighbouring windows share along that innermost loop is not
// fetched again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "deltahop/mapping/mapping.h"

namespace deltahop {

// Elements that move between a level and the next level inward that keeps the operand, or the multipliers.
// "Copies" counts at the inner side (every element of the array gets or gives its own), "unique" at the outer
// side (multicast going in, sums added coming out). They differ only across the array.
struct Transfer {
  size_t outer = 0, inner = 0;               // levels; inner = number of levels: the multipliers
  int64_t down_unique = 0, down_copies = 0;  // operands, and partial sums that are fetched back
  int64_t up_unique = 0, up_copies = 0;      // partial and finished sums; 0 for inputs and weights
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

struct Accesses {
  int64_t reads = 0, writes = 0;  // elements, over all instances
  int64_t total() const { return reads + writes; }
  friend bool operator==(const Accesses&, const Accesses&) = default;
};

struct AccessCounts {
  int64_t macs = 0;
  int64_t cycles = 0;  // of the busiest element, one multiplication a cycle; stalls are not in it
  std::array<std::vector<Transfer>, kOperands> transfers;  // outermost first
  std::vector<std::array<Accesses, kOperands>> levels;     // by level
  std::array<int64_t, kOperands> array_words{};            // carried between the array's edge and elements
  double utilisation(const Hierarchy& hierarchy) const;
  friend bool operator==(const AccessCounts&, const AccessCounts&) = default;
};

// The mapping must have no fault (fault_of).
AccessCounts count_accesses(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

// Adds the levels and the array's words up from the transfers: shared with the walk.
void sum_transfers(const Hierarchy& hierarchy, AccessCounts& counts);

// Where the tile of `operand` that `level` keeps is fetched: the number of temporal loops of outer levels,
// counted from the outermost, that stand around the fetch. A loop with one chunk moves nothing.
struct FetchPlace {
  size_t loops_around = 0;
  bool slides = false;  // along the innermost of them
};
FetchPlace fetch_place(const Problem& problem, const Mapping& mapping, size_t level, Operand operand);

}  // namespace deltahop
