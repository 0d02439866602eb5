// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/mapping.h"

#include <fmt/format.h>

#include <algorithm>

namespace deltahop {
namespace {

int64_t& at(DimensionSizes& sizes, Dimension dimension) { return sizes[index_of(dimension)]; }

std::string_view place_of(const Loop& loop, const StorageLevel& level) {
  switch (loop.kind) {
    case LoopKind::spatial_row:
      return "over rows of the array";
    case LoopKind::spatial_column:
      return "over columns of the array";
    default:
      return level.name;
  }
}

// Every loop in turn, outermost first: visit(level, loop, size of the tile that it walks).
template <class Visit>
void for_each_loop(const Problem& problem, const Mapping& mapping, Visit&& visit) {
  DimensionSizes tile = problem.bounds;
  for (size_t level = 0; level < mapping.levels.size(); ++level) {
    for (const Loop& loop : mapping.levels[level].loops) {
      int64_t& size = at(tile, loop.dimension);
      visit(level, loop, size);
      size = std::min(size, loop.step);
    }
  }
}

std::string structure_fault(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  if (mapping.levels.size() != hierarchy.levels.size()) {
    return fmt::format("the mapping has {} levels and the chip {}", mapping.levels.size(),
                       hierarchy.levels.size());
  }
  if (hierarchy.array_level + 1 < hierarchy.levels.size() ||
      hierarchy.array_level > hierarchy.levels.size() || hierarchy.array_level == 0) {
    return "elements of the array may hold one storage level, the last";
  }
  for (size_t level = 0; level < mapping.levels.size(); ++level) {
    if (mapping.levels[level].slides && !hierarchy.levels[level].slides) {
      return fmt::format("the tile of {} is to slide, which it cannot", hierarchy.levels[level].name);
    }
  }
  std::string fault;
  int64_t rows = 1, columns = 1;
  bool spatial_seen = false;
  for_each_loop(problem, mapping, [&](size_t level, const Loop& loop, int64_t size) {
    if (!fault.empty()) return;
    const char letter = letter_of(loop.dimension);
    if (loop.step < 1) fault = fmt::format("the loop over {} has a step below 1", letter);
    if (loop.step > size) {
      fault = fmt::format("the loop over {} at {} steps by {} over a tile of {}", letter,
                          hierarchy.levels[level].name, loop.step, size);
    }
    if (!fault.empty()) return;
    const int64_t chunks = (size + loop.step - 1) / loop.step;
    if (loop.kind == LoopKind::temporal) {
      if (spatial_seen && level + 1 == hierarchy.array_level) {
        fault = fmt::format("the loop over {} stands inside loops that spread over the array", letter);
      }
      return;
    }
    spatial_seen = true;
    if (level + 1 != hierarchy.array_level) {
      fault = fmt::format("the loop over {} spreads over the array from level {}, not from the one above it",
                          letter, hierarchy.levels[level].name);
    }
    (loop.kind == LoopKind::spatial_row ? rows : columns) *= chunks;
  });
  if (!fault.empty()) return fault;
  if (rows > hierarchy.rows)
    return fmt::format("{} rows are used and the array has {}", rows, hierarchy.rows);
  if (columns > hierarchy.columns) {
    return fmt::format("{} columns are used and the array has {}", columns, hierarchy.columns);
  }
  return {};
}

std::string capacity_fault(const Problem& problem, const StorageLevel& level, const DimensionSizes& tile) {
  int64_t total = 0;
  for (const Operand operand : kAllOperands) {
    if (!level.keeps[index_of(operand)]) continue;
    const int64_t size = problem.elements(operand, tile);
    const int64_t own = level.operand_capacity[index_of(operand)];
    if (own >= 0 && size > own) {
      return fmt::format("{} elements of {} do not fit into the {} of {}", size, name_of(operand), own,
                         level.name);
    }
    total += size;
  }
  if (level.capacity >= 0 && total > level.capacity) {
    return fmt::format("{} elements do not fit into the {} of {}", total, level.capacity, level.name);
  }
  return {};
}

std::string bypass_fault(const Hierarchy& hierarchy, const Mapping& mapping) {
  for (size_t l = 0; l < mapping.levels.size(); ++l) {
    const StorageLevel& level = hierarchy.levels[l];
    for (const Operand operand : kAllOperands) {
      if (mapping.levels[l].bypass[index_of(operand)] && !level.may_bypass[index_of(operand)])
        return fmt::format("{} are to pass by the {}, which has no such way", name_of(operand), level.name);
    }
    if (mapping.levels[l].slides && mapping.levels[l].bypass[index_of(Operand::input)])
      return fmt::format("inputs pass by the {}, so that nothing slides there", level.name);
  }
  return {};
}

}  // namespace

Hierarchy as_used(Hierarchy hierarchy, const Mapping& mapping) {
  for (size_t level = 0; level < mapping.levels.size(); ++level) {
    for (size_t operand = 0; operand < kOperands; ++operand) {
      if (mapping.levels[level].bypass[operand]) hierarchy.levels[level].keeps[operand] = false;
    }
  }
  return hierarchy;
}

DimensionSizes tile_of(const Problem& problem, const Mapping& mapping, size_t level) {
  DimensionSizes tile = problem.bounds;
  for_each_loop(problem, mapping, [&](size_t at_level, const Loop& loop, int64_t) {
    if (at_level < level) at(tile, loop.dimension) = std::min(at(tile, loop.dimension), loop.step);
  });
  return tile;
}

DimensionSizes tile_before_array(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  DimensionSizes tile = problem.bounds;
  for_each_loop(problem, mapping, [&](size_t level, const Loop& loop, int64_t) {
    if (level >= hierarchy.array_level || loop.kind != LoopKind::temporal) return;
    at(tile, loop.dimension) = std::min(at(tile, loop.dimension), loop.step);
  });
  return tile;
}

std::string fault_of(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  if (std::string fault = structure_fault(problem, hierarchy, mapping); !fault.empty()) return fault;
  if (std::string fault = bypass_fault(hierarchy, mapping); !fault.empty()) return fault;
  const Hierarchy used = as_used(hierarchy, mapping);
  for (size_t level = 1; level < hierarchy.levels.size(); ++level) {
    std::string fault = capacity_fault(problem, used.levels[level], tile_of(problem, mapping, level));
    if (!fault.empty()) return fault;
  }
  return {};
}

std::string to_text(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping) {
  std::string text;
  for (size_t level = 0; level < mapping.levels.size(); ++level) {
    for (const Operand operand : kAllOperands) {
      if (mapping.levels[level].bypass[index_of(operand)])
        text += fmt::format("# {} pass by the {}\n", name_of(operand), hierarchy.levels[level].name);
    }
  }
  size_t depth = 0;
  DimensionSizes left = problem.bounds;
  for_each_loop(problem, mapping, [&](size_t level, const Loop& loop, int64_t size) {
    at(left, loop.dimension) = std::min(size, loop.step);
    if (size <= loop.step) return;  // one chunk: nothing to say
    text += fmt::format("{:{}}{} {} in 0..{} step {}  # {}\n", "", 2 * depth++,
                        loop.kind == LoopKind::temporal ? "for" : "each", letter_of(loop.dimension), size,
                        loop.step, place_of(loop, hierarchy.levels[level]));
  });
  for (const Dimension dimension : kAllDimensions) {
    if (at(left, dimension) == 1) continue;
    text += fmt::format("{:{}}for {} in 0..{} step 1  # within an element\n", "", 2 * depth++,
                        letter_of(dimension), at(left, dimension));
  }
  return text + fmt::format("{:{}}output += input * weight\n", "", 2 * depth);
}

}  // namespace deltahop
