// SPDX-License-Identifier: Apache-2.0
// How a loop nest sits on a chip: for every storage level the loops that walk its tile in chunks of the next
// level's, and the loops that spread one tile over the processing elements. Loops need not divide: the last
// chunk is what is left.
//   for K in 0..384 step 64      # dram
//     for C in 0..256 step 12    # buffer
//       each P in 0..13 step 1   # over columns of the array
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/mapping/problem.h"

namespace deltahop {

// Temporal loops run one chunk after another; spatial ones give every chunk to a row or column of its own.
enum class LoopKind : uint8_t { temporal, spatial_row, spatial_column };

struct Loop {
  Dimension dimension = Dimension::batch;
  int64_t step = 1;  // size of a chunk; the loop walks the tile of the loop around it
  LoopKind kind = LoopKind::temporal;
  friend bool operator==(const Loop&, const Loop&) = default;
};

// What is stored where. Level 0 is the outermost (DRAM) and holds everything.
struct StorageLevel {
  std::string name;       // "dram", "buffer", "register_file"
  int64_t capacity = -1;  // elements for all operands together; -1: unlimited
  // Elements of one operand alone (scratchpads); -1: no bound of its own.
  std::array<int64_t, kOperands> operand_capacity{-1, -1, -1};
  std::array<bool, kOperands> keeps{true, true, true};  // an operand that is not kept passes through
  std::array<bool, kOperands> may_bypass{};  // of those kept: a mapping may let them pass through too
  // Can keep the rows or columns of input that the next window needs again, so that only new ones are
  // fetched; a mapping chooses. What lies between windows that do not overlap is fetched too.
  bool slides = false;
};

// The chip for a mapping: storage levels, and where among them the array of processing elements opens: levels
// from `array_level` on exist once in every element. Words that several elements want are sent once
// (multicast), and elements that work on one output add their sums on the way up.
struct Hierarchy {
  std::vector<StorageLevel> levels;
  // The last level, or levels.size() where elements store nothing.
  size_t array_level = 1;
  int64_t rows = 1, columns = 1;

  int64_t elements() const { return rows * columns; }
};

// The loops that walk a level's tile, outermost first, and how that tile came.
struct LevelLoops {
  std::vector<Loop> loops;
  // The tile of inputs slides along the innermost loop around it that moves the window
  // (StorageLevel::slides).
  bool slides = false;
  std::array<bool, kOperands> bypass{};  // what passes through this level (StorageLevel::may_bypass)
  friend bool operator==(const LevelLoops&, const LevelLoops&) = default;
};

struct Mapping {
  // Spatial loops stand at the end of level array_level - 1. What the innermost level's loops leave is walked
  // one by one.
  std::vector<LevelLoops> levels;
  friend bool operator==(const Mapping&, const Mapping&) = default;
};

// The chip as the mapping uses it: a level does not keep what passes through it.
Hierarchy as_used(Hierarchy hierarchy, const Mapping& mapping);

// Sizes of the tile that level l holds (its first and largest one).
DimensionSizes tile_of(const Problem& problem, const Mapping& mapping, size_t level);
// The same for the union over all elements of the array: the tile before it is spread.
DimensionSizes tile_before_array(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

// Why the mapping cannot be: a tile that does not fit, too many elements, spatial loops elsewhere than above
// the array, as many levels as storage, steps that grow. Empty where it can.
std::string fault_of(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

// Nested `for` lines as above.
std::string to_text(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

}  // namespace deltahop
