// SPDX-License-Identifier: Apache-2.0
// From chosen numbers to a mapping: loops in their order, and elements side by side in rows and columns.
#include <algorithm>

#include "deltahop/base/error.h"
#include "deltahop/mapping/search_space.h"

namespace deltahop::search_space {
namespace {

constexpr int64_t ceil_of(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Outermost first: what moves the stationary operand, then what does not; the dimension to slide along as
// far in as that allows.
std::vector<Dimension> dimensions_in(const Order& order) {
  std::vector<Dimension> result(kAllDimensions.begin(), kAllDimensions.end());
  std::stable_sort(result.begin(), result.end(), [&](Dimension a, Dimension b) {
    const auto rank = [&](Dimension d) {
      return 2 * !is_relevant(order.stationary, d) + (order.window == d);
    };
    return rank(a) < rank(b);
  });
  return result;
}

const Choice& choice_of(const Chosen& chosen, Dimension dimension) {
  for (size_t g = 0; g < kGroups.size(); ++g) {
    for (size_t i = 0; i < 2; ++i) {
      if (kGroups[g][i] == dimension) return chosen[g][i];
    }
  }
  check_failed("every dimension is in a group", __FILE__, __LINE__);
}

}  // namespace

int64_t Space::fewest_rows(Dimension dimension, int64_t chunks) const {
  const int64_t rows = ceil_of(chunks, dataflow_.over_columns[index_of(dimension)] ? hierarchy_.columns : 1);
  return rows <= (dataflow_.over_rows[index_of(dimension)] ? hierarchy_.rows : 1) ? rows : 0;
}

int64_t Space::fewest_columns(Dimension dimension, int64_t chunks) const {
  return ceil_of(chunks, dataflow_.over_rows[index_of(dimension)] ? hierarchy_.rows : 1);
}

std::optional<DimensionSizes> Space::rows_of(const Chosen& chosen) const {
  DimensionSizes found{1, 1, 1, 1, 1, 1, 1, 1};
  if (pack(chosen, 0, hierarchy_.rows, hierarchy_.columns, found)) return found;
  return std::nullopt;
}

// Dimension by dimension, into what rows and columns the others leave.
bool Space::pack(const Chosen& chosen, size_t dimension, int64_t rows, int64_t columns,
                 DimensionSizes& found) const {
  if (dimension == kDimensions) return true;
  const int64_t chunks = choice_of(chosen, kAllDimensions[dimension]).side_by_side();
  const int64_t most = dataflow_.over_rows[dimension] ? std::min(rows, chunks) : 1;
  for (int64_t own = 1; own <= most; ++own) {
    const int64_t own_columns = ceil_of(chunks, own);
    if (own_columns > (dataflow_.over_columns[dimension] ? columns : 1)) continue;
    found[dimension] = own;
    if (pack(chosen, dimension + 1, rows / own, columns / own_columns, found)) return true;
  }
  return false;
}

Mapping Space::mapping_of(const Region& region, const Chosen& groups, const DimensionSizes& rows) const {
  const auto chosen = [&](Dimension dimension) -> const Choice& { return choice_of(groups, dimension); };
  Mapping mapping;
  mapping.levels.resize(hierarchy_.levels.size());
  // Along a dimension with one chunk nothing slides, and nothing else shall in its place.
  const auto moves_at_dram = [&](Dimension along) { return chosen(along).buffer < problem_.bound(along); };
  const auto moves_at_buffer = [&](Dimension along) { return chosen(along).array < chosen(along).buffer; };
  if (region.buffer_slides_along) mapping.levels[1].slides = moves_at_dram(*region.buffer_slides_along);
  if (region.element_slides_along) {
    mapping.levels[2].slides = region.buffer.window ? moves_at_buffer(*region.element_slides_along)
                                                    : moves_at_dram(*region.element_slides_along);
  }
  for (const Dimension dimension : dimensions_in(region.dram)) {
    const Choice& choice = chosen(dimension);
    if (choice.buffer < problem_.bound(dimension))
      mapping.levels[0].loops.push_back({dimension, choice.buffer});
  }
  for (const Dimension dimension : dimensions_in(region.buffer)) {
    const Choice& choice = chosen(dimension);
    if (choice.array < choice.buffer) mapping.levels[1].loops.push_back({dimension, choice.array});
  }
  for (const Dimension dimension : kAllDimensions) {
    const Choice& choice = chosen(dimension);
    const int64_t columns = ceil_of(choice.side_by_side(), rows[index_of(dimension)]);
    const int64_t row = std::min(choice.array, choice.element * columns);
    if (row < choice.array) mapping.levels[1].loops.push_back({dimension, row, LoopKind::spatial_row});
    if (choice.element < row)
      mapping.levels[1].loops.push_back({dimension, choice.element, LoopKind::spatial_column});
  }
  return mapping;
}

}  // namespace deltahop::search_space
