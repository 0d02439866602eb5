// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search_space.h"

#include <algorithm>

#include "deltahop/base/error.h"
#include "deltahop/mapping/chunks.h"

namespace deltahop::search_space {
namespace {

using enum Dimension;

constexpr int64_t ceil_of(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Is no smaller tile enough for as few tiles?
bool is_smallest(int64_t tile, int64_t units) {
  return tile == 1 || ceil_of(units, tile - 1) > ceil_of(units, tile);
}

std::vector<int64_t> divisors_of(int64_t number) {
  std::vector<int64_t> divisors;
  for (int64_t factor = 1; factor * factor <= number; ++factor) {
    if (number % factor != 0) continue;
    divisors.push_back(factor);
    if (factor * factor != number) divisors.push_back(number / factor);
  }
  return divisors;
}

// The smallest tile for every number of tiles that `units` can be cut into, and those that leave one unit for
// the last tile.
std::vector<int64_t> tiles_of(int64_t units) {
  std::vector<int64_t> tiles;
  for (int64_t tile = 1; tile <= units;) {
    tiles.push_back(tile);
    const int64_t count = ceil_of(units, tile);
    if (count == 1) break;
    tile = ceil_of(units, count - 1);  // the smallest with one tile fewer
  }
  for (const int64_t divisor : divisors_of(units - 1)) tiles.push_back(divisor);
  std::sort(tiles.begin(), tiles.end());
  tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());
  return tiles;
}

std::vector<Order> orders(bool slides) {
  std::vector<Order> result{{Operand::weight, {}}, {Operand::input, {}}, {Operand::output, {}}};
  if (!slides) return result;
  for (const Operand operand : {Operand::weight, Operand::input}) {
    for (const Dimension dimension : {out_row, out_column}) result.push_back({operand, dimension});
  }
  return result;
}

bool fits(const StorageLevel& level, const double* tile) {
  double total = 0;
  for (size_t operand = 0; operand < kOperands; ++operand) {
    if (!level.keeps[operand]) continue;
    const int64_t own = level.operand_capacity[operand];
    if (own >= 0 && tile[operand] > static_cast<double>(own)) return false;
    total += tile[operand];
  }
  return level.capacity < 0 || total <= static_cast<double>(level.capacity);
}

}  // namespace

Space::Space(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
             const Dataflow& dataflow)
    : problem_(problem), hierarchy_(hierarchy), costs_(costs), dataflow_(dataflow) {
  DELTAHOP_CHECK(hierarchy.array_level == 2 &&
                 (hierarchy.levels.size() == 2 || hierarchy.levels.size() == 3));
  set_coefficients();
  for (const Dimension dimension : kAllDimensions) choices_[index_of(dimension)] = choices_of(dimension);
}

// Energy = constant + sum over terms of coefficient * product of factors (see access_counts.h for the
// transfers).
void Space::set_coefficients() {
  const auto macs = static_cast<double>(problem_.macs());
  constant_ =
      macs * costs_.mac * costs_.savings.macs - static_cast<double>(problem_.elements(Operand::output)) *
                                                    costs_.access.at(0) * (1.0 - costs_.savings.finished);
  for (const Operand operand : kAllOperands) {
    size_t outer = 0;
    for (size_t level = 1; level < hierarchy_.levels.size(); ++level) {
      if (!keeps(level, operand)) continue;
      add_transfer(operand, outer, level);
      outer = level;
    }
    add_multiplications(operand, outer);
  }
}

void Space::add_transfer(Operand operand, size_t outer, size_t inner) {
  const bool crosses = inner >= hierarchy_.array_level;
  const double at_outer = costs_.access_of(outer, operand);
  const double at_inner = costs_.access_of(inner, operand) + (crosses ? costs_.hop_of(operand) : 0.0);
  double& unique = coefficient(operand, crosses ? Cut::array : Cut::buffer);
  double& copies = coefficient(operand, crosses ? Cut::element : Cut::buffer);
  unique += at_outer;
  copies += at_inner;
  if (operand != Operand::output) return;
  // Sums come back except where they begin.
  unique += at_outer + at_inner;
  constant_ -= static_cast<double>(problem_.elements(Operand::output)) * (at_outer + at_inner);
}

void Space::add_multiplications(Operand operand, size_t outer) {
  const auto macs = static_cast<double>(problem_.macs());
  const auto outputs = static_cast<double>(problem_.elements(Operand::output));
  const bool crosses = outer < hierarchy_.array_level;
  const double access = crosses ? costs_.access_of(outer, operand) : costs_.element_access_of(outer, operand);
  const double hop = costs_.hop_of(operand);
  if (!crosses) {
    constant_ += macs * access * (operand == Operand::output ? 2 : 1);
    if (operand != Operand::output) return;
    // Sums that begin in an element are not read: copies - (unique - outputs) of them.
    coefficient(operand, Cut::element) -= access;
    coefficient(operand, Cut::array) += access;
    constant_ -= outputs * access;
    return;
  }
  constant_ += macs * hop;
  coefficient(operand, Cut::multiplier) += access;
  if (operand != Operand::output) return;
  coefficient(operand, Cut::multiplier) += access + hop;
  constant_ -= outputs * (access + hop);
}

std::vector<Choice> Space::choices_of(Dimension dimension) const {
  const int64_t bound = problem_.bound(dimension);
  const bool may_loop = has_elements() && dataflow_.in_element[index_of(dimension)];
  std::vector<Choice> result;
  for (int64_t element = 1; element <= (may_loop ? bound : 1); ++element) {
    if (may_loop && !fits_into_element(dimension, element)) break;
    const int64_t all_chunks = ceil_of(bound, element);
    if (is_smallest(element, bound)) {
      for (int64_t chunks = 1; chunks <= all_chunks && fewest_rows(dimension, chunks) > 0; ++chunks)
        add_choices(dimension, element, chunks, result);
      continue;
    }
    for (const int64_t chunks : divisors_of(all_chunks - 1)) {
      if (fewest_rows(dimension, chunks) > 0) add_choices(dimension, element, chunks, result);
    }
  }
  return result;
}

bool Space::fits_into_element(Dimension dimension, int64_t size) const {
  DimensionSizes sizes{1, 1, 1, 1, 1, 1, 1, 1};
  sizes[index_of(dimension)] = size;
  std::array<double, kOperands> tile{};
  for (const Operand operand : kAllOperands)
    tile[index_of(operand)] = static_cast<double>(problem_.elements(operand, sizes));
  return search_space::fits(hierarchy_.levels[2], tile.data());
}

// A tile that is larger than its number of tiles needs pays only where the last tile further out is cut off
// within its first chunk, and so has less to do the larger the others are.
void Space::add_choices(Dimension dimension, int64_t element, int64_t chunks,
                        std::vector<Choice>& choices) const {
  const int64_t bound = problem_.bound(dimension);
  const int64_t all_chunks = ceil_of(bound, element), array = std::min(bound, element * chunks);
  const bool cuts_element = bound % element != 0 && chunks > 1 && (all_chunks - 1) % chunks == 0;
  if (!is_smallest(element, bound) && !cuts_element) return;
  const int64_t all_arrays = ceil_of(bound, array);
  for (const int64_t tile : tiles_of(all_arrays)) {
    const bool cuts_array = all_chunks % chunks != 0 && tile > 1 && (all_arrays - 1) % tile == 0;
    if (!cuts_array && !is_smallest(tile, all_arrays)) continue;
    if (!cuts_array && !cuts_element && !is_smallest(chunks, all_chunks)) continue;
    choices.push_back({std::min(bound, array * tile), array, element});
  }
}

std::vector<Region> Space::regions() const {
  const bool buffer_slides = hierarchy_.levels[1].slides && keeps(1, Operand::input);
  const bool elements_slide = has_elements() && hierarchy_.levels[2].slides && keeps(2, Operand::input);
  std::vector<Region> result;
  for (const Order& dram : orders(buffer_slides || elements_slide)) {
    for (const Order& buffer : orders(elements_slide)) {
      // Elements slide along the buffer's loop, or along DRAM's where no loop of the buffer moves inputs.
      const bool follows_dram = elements_slide && buffer.stationary == Operand::input && !buffer.window;
      const auto along_dram = buffer_slides ? dram.window : std::nullopt;
      if (!dram.window || buffer_slides)
        result.push_back({dram, buffer, false, false, along_dram, buffer.window});
      if (dram.stationary == buffer.stationary && (!dram.window || buffer_slides)) {
        result.push_back({dram, buffer, true, false, along_dram, buffer.window});
      }
      if (dram.window && follows_dram) {
        result.push_back({dram, buffer, true, false, along_dram, dram.window});
        if (buffer_slides) result.push_back({dram, buffer, true, false, std::nullopt, dram.window});
      }
    }
    if (!dram.window || !elements_slide || dram.stationary != Operand::weight) continue;
    const Order none{.stationary = Operand::weight, .window = {}};
    result.push_back({dram, none, true, true, std::nullopt, dram.window});
    if (buffer_slides) result.push_back({dram, none, true, true, dram.window, dram.window});
  }
  return result;
}

bool Space::is_in_region(const Region& region, Dimension dimension, const Choice& choice) const {
  const bool loops = choice.buffer != choice.array;
  if (loops && (region.is_bare || (region.stays && is_relevant(region.buffer.stationary, dimension))))
    return false;
  return !(region.element_slides_along == dimension && choice.side_by_side() > 1);
}

// Chunks of a dimension that an operand's tile sees at a cut.
int64_t Space::chunks(const Region& region, Operand operand, Cut cut, Dimension dimension,
                      const Choice& choice) const {
  const int64_t bound = problem_.bound(dimension);
  if (cut == Cut::multiplier) {
    const std::array<CutLoop, 3> loops{{{choice.array, true}, {choice.element, false}, {1, true}}};
    return count_chunks(bound, loops);
  }
  const bool is_irrelevant = !is_relevant(operand, dimension);
  if (cut == Cut::buffer) {
    const bool is_still =
        is_irrelevant ? region.dram.stationary == operand : region.buffer_slides_along == dimension;
    return is_still ? 1 : ceil_of(bound, choice.buffer);
  }
  bool counts_dram = true, counts_buffer = true;
  if (is_irrelevant) {
    counts_buffer = region.buffer.stationary != operand;
    counts_dram = !(region.stays && !counts_buffer && region.dram.stationary == operand);
  } else if (operand == Operand::input && region.element_slides_along == dimension) {
    return region.buffer.window ? ceil_of(bound, choice.buffer) : 1;
  }
  const std::array<CutLoop, 3> loops{
      {{choice.buffer, counts_dram}, {choice.array, counts_buffer}, {choice.element, cut == Cut::element}}};
  return count_chunks(bound, loops);
}

double Space::window_factor(const Region& region, Cut cut, size_t group_index,
                            const GroupChoice& choices) const {
  const Dimension outputs = *kGroups[group_index][0], taps = *kGroups[group_index][1];
  const bool is_row = outputs == out_row;
  const auto output_chunks = static_cast<double>(chunks(region, Operand::input, cut, outputs, choices[0]));
  const auto tap_chunks = static_cast<double>(chunks(region, Operand::input, cut, taps, choices[1]));
  const auto stride = static_cast<double>(is_row ? problem_.stride_rows : problem_.stride_columns);
  const auto dilation = static_cast<double>(is_row ? problem_.dilation_rows : problem_.dilation_columns);
  return tap_chunks * stride * (static_cast<double>(problem_.bound(outputs)) - output_chunks) +
         output_chunks * dilation * (static_cast<double>(problem_.bound(taps)) - tap_chunks) +
         output_chunks * tap_chunks;
}

double Space::factor(const Region& region, Operand operand, Cut cut, size_t group_index,
                     const GroupChoice& choices) const {
  const auto& dimensions = kGroups[group_index];
  if (dimensions[1] && operand == Operand::input && cut != Cut::multiplier) {
    return window_factor(region, cut, group_index, choices);
  }
  double result = 1;
  for (size_t i = 0; i < 2 && dimensions[i]; ++i) {
    result *= static_cast<double>(is_relevant(operand, *dimensions[i])
                                      ? problem_.bound(*dimensions[i])
                                      : chunks(region, operand, cut, *dimensions[i], choices[i]));
  }
  return result;
}

double Space::tile_factor(Operand operand, size_t group_index, int64_t first, int64_t second) const {
  const auto& dimensions = kGroups[group_index];
  if (dimensions[1] && operand == Operand::input) {
    return static_cast<double>(
        group_index == 0 ? window_extent(first, second, problem_.stride_rows, problem_.dilation_rows)
                         : window_extent(first, second, problem_.stride_columns, problem_.dilation_columns));
  }
  double result = is_relevant(operand, *dimensions[0]) ? static_cast<double>(first) : 1.0;
  if (dimensions[1] && is_relevant(operand, *dimensions[1])) result *= static_cast<double>(second);
  return result;
}

Measures Space::measures_of(const Region& region, size_t group_index, const GroupChoice& choices) const {
  Measures measures;
  auto& at = measures.at;
  const auto& dimensions = kGroups[group_index];
  for (size_t i = 0; i < 2 && dimensions[i]; ++i) {
    at[Measures::kCycles] *=
        static_cast<double>(chunks(region, Operand::output, Cut::multiplier, *dimensions[i], choices[i]));
    const int64_t side_by_side = choices[i].side_by_side();
    at[Measures::kRows] *= static_cast<double>(fewest_rows(*dimensions[i], side_by_side));
    at[Measures::kColumns] *= static_cast<double>(fewest_columns(*dimensions[i], side_by_side));
    at[Measures::kElements] *= static_cast<double>(side_by_side);
  }
  at[Measures::kWork] = at[Measures::kCycles] * at[Measures::kElements];
  for (const Operand operand : kAllOperands) {
    for (size_t cut = 0; cut < kCuts; ++cut) {
      const size_t term = term_of(operand, static_cast<Cut>(cut));
      if (coefficients_[term] != 0)
        at[term] = factor(region, operand, static_cast<Cut>(cut), group_index, choices);
    }
    at[Measures::kBufferTile + index_of(operand)] =
        tile_factor(operand, group_index, choices[0].buffer, choices[1].buffer);
    at[Measures::kElementTile + index_of(operand)] =
        tile_factor(operand, group_index, choices[0].element, choices[1].element);
  }
  return measures;
}

bool Space::fits(const Measures& measures) const {
  const auto& at = measures.at;
  return at[Measures::kRows] <= static_cast<double>(hierarchy_.rows) &&
         at[Measures::kColumns] <= static_cast<double>(hierarchy_.columns) &&
         at[Measures::kElements] <= static_cast<double>(hierarchy_.elements()) &&
         search_space::fits(hierarchy_.levels[1], &at[Measures::kBufferTile]) &&
         (!has_elements() || search_space::fits(hierarchy_.levels[2], &at[Measures::kElementTile]));
}

double Space::energy_of(const Measures& measures) const {
  double energy = constant_;
  for (size_t term = 0; term < kTerms; ++term) energy += coefficients_[term] * measures.at[term];
  return energy;
}

std::string Space::part_of(const Region& region, Dimension dimension) const {
  std::string part;
  const auto add = [&](bool flag) { part += flag ? '1' : '0'; };
  add(region.is_bare || (region.stays && is_relevant(region.buffer.stationary, dimension)));
  for (const Operand operand : kAllOperands) {
    if (is_relevant(operand, dimension)) continue;
    add(region.dram.stationary == operand);
    add(region.buffer.stationary == operand);
    add(region.stays);
  }
  add(region.buffer_slides_along == dimension);
  add(region.element_slides_along == dimension);
  add(region.element_slides_along == dimension && region.buffer.window.has_value());
  return part;
}

}  // namespace deltahop::search_space
