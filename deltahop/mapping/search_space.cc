// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search_space.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"
#include "deltahop/mapping/chunks.h"

namespace deltahop::search_space {
namespace {

using enum Dimension;

// The smallest tile for every number of tiles that `units` can be cut into.
std::vector<int64_t> distinct_tiles(int64_t units) {
  std::vector<int64_t> tiles;
  for (int64_t tile = 1; tile <= units;) {
    tiles.push_back(tile);
    const int64_t count = (units + tile - 1) / tile;
    if (count == 1) break;
    tile = (units + count - 2) / (count - 1);  // the smallest with one tile fewer
  }
  return tiles;
}

constexpr int64_t ceil_of(int64_t a, int64_t b) { return (a + b - 1) / b; }

std::vector<Order> orders(bool slides) {
  std::vector<Order> result{{Operand::weight, {}}, {Operand::input, {}}, {Operand::output, {}}};
  if (!slides) return result;
  for (const Operand operand : {Operand::weight, Operand::input}) {
    for (const Dimension dimension : {out_row, out_column}) result.push_back({operand, dimension});
  }
  return result;
}

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

bool fits(const StorageLevel& level, const std::array<double, kOperands>& tile) {
  double total = 0;
  for (size_t operand = 0; operand < kOperands; ++operand) {
    if (!level.keeps[operand]) continue;
    const int64_t own = level.operand_capacity[operand];
    if (own >= 0 && tile[operand] > static_cast<double>(own)) return false;
    total += tile[operand];
  }
  return level.capacity < 0 || total <= static_cast<double>(level.capacity);
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

Partial product_of(std::span<const Entry> entries) {
  Partial partial;
  for (const Entry& entry : entries) partial.multiply(entry);
  return partial;
}

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
  const size_t d = index_of(dimension);
  std::vector<Choice> result;
  for (const int64_t element : distinct_tiles(bound)) {
    if (element > 1 && !(has_elements() && dataflow_.in_element[d])) break;
    const int64_t units = ceil_of(bound, element);
    for (const int64_t spread : distinct_tiles(units)) {
      const auto add = [&](LoopKind kind) {
        const int64_t array = std::min(bound, element * spread);
        for (const int64_t tiles : distinct_tiles(ceil_of(bound, array))) {
          result.push_back({std::min(bound, array * tiles), array, element, kind});
        }
      };
      if (spread == 1) {
        add(LoopKind::temporal);
        continue;
      }
      if (dataflow_.over_rows[d] && spread <= hierarchy_.rows) add(LoopKind::spatial_row);
      if (dataflow_.over_columns[d] && spread <= hierarchy_.columns) add(LoopKind::spatial_column);
    }
  }
  return result;
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
      if (!dram.window || buffer_slides) result.push_back({dram, buffer, false, along_dram, buffer.window});
      if (dram.stationary == buffer.stationary && (!dram.window || buffer_slides)) {
        result.push_back({dram, buffer, true, along_dram, buffer.window});
      }
      if (dram.window && follows_dram) {
        result.push_back({dram, buffer, true, along_dram, dram.window});
        if (buffer_slides) result.push_back({dram, buffer, true, std::nullopt, dram.window});
      }
    }
  }
  return result;
}

bool Space::is_in_region(const Region& region, Dimension dimension, const Choice& choice) const {
  if (region.stays && is_relevant(region.buffer.stationary, dimension) && choice.buffer != choice.array)
    return false;
  return !(region.element_slides_along == dimension && choice.spread != LoopKind::temporal);
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
                            const std::array<Choice, 2>& choices) const {
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
                     const std::array<Choice, 2>& choices) const {
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

Entry Space::entry_of(const Region& region, size_t group_index, const std::array<Choice, 2>& choices) const {
  Entry entry{.choices = choices};
  const auto& dimensions = kGroups[group_index];
  for (const Operand operand : kAllOperands) {
    for (size_t cut = 0; cut < kCuts; ++cut) {
      const size_t term = term_of(operand, static_cast<Cut>(cut));
      entry.factors[term] = coefficients_[term] == 0
                                ? 1.0
                                : factor(region, operand, static_cast<Cut>(cut), group_index, choices);
    }
    entry.buffer_tile[index_of(operand)] =
        tile_factor(operand, group_index, choices[0].buffer, choices[1].buffer);
    entry.element_tile[index_of(operand)] =
        tile_factor(operand, group_index, choices[0].element, choices[1].element);
  }
  for (size_t i = 0; i < 2 && dimensions[i]; ++i) {
    entry.cycles *=
        static_cast<double>(chunks(region, Operand::output, Cut::multiplier, *dimensions[i], choices[i]));
    const auto spread = static_cast<double>(ceil_of(choices[i].array, choices[i].element));
    if (choices[i].spread == LoopKind::spatial_row) entry.rows *= spread;
    if (choices[i].spread == LoopKind::spatial_column) entry.columns *= spread;
  }
  return entry;
}

bool Space::fits(const Partial& partial) const {
  return partial.rows <= static_cast<double>(hierarchy_.rows) &&
         partial.columns <= static_cast<double>(hierarchy_.columns) &&
         search_space::fits(hierarchy_.levels[1], partial.buffer_tile) &&
         (!has_elements() || search_space::fits(hierarchy_.levels[2], partial.element_tile));
}

double Space::energy_of(const Partial& partial) const {
  double energy = constant_;
  for (size_t term = 0; term < kTerms; ++term) energy += coefficients_[term] * partial.products[term];
  return energy;
}

std::string Space::part_of(const Region& region, Dimension dimension) const {
  std::string part;
  const auto add = [&](bool flag) { part += flag ? '1' : '0'; };
  add(region.stays && is_relevant(region.buffer.stationary, dimension));
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

const std::vector<Entry>& Space::table_of(const Region& region, size_t group_index) {
  std::string key = std::to_string(group_index);
  for (const auto& dimension : kGroups[group_index]) {
    if (dimension) key += ' ' + part_of(region, *dimension);
  }
  const auto [place, is_new] = tables_.try_emplace(std::move(key));
  if (is_new) place->second = entries_of(region, group_index);
  return place->second;
}

std::vector<Entry> Space::entries_of(const Region& region, size_t group_index) const {
  const auto& dimensions = kGroups[group_index];
  const std::vector<Choice> only{Choice{}};
  const auto& first = choices_[index_of(*dimensions[0])];
  const auto& second = dimensions[1] ? choices_[index_of(*dimensions[1])] : only;
  std::vector<Entry> all;
  for (const Choice& a : first) {
    if (!is_in_region(region, *dimensions[0], a)) continue;
    for (const Choice& b : second) {
      if (dimensions[1] && !is_in_region(region, *dimensions[1], b)) continue;
      const Entry entry = entry_of(region, group_index, {a, b});
      if (fits(product_of({&entry, 1}))) all.push_back(entry);
    }
  }
  // Comparing all with all pays for small tables only.
  constexpr size_t kLargestToCompare = 2000;
  return all.size() <= kLargestToCompare ? without_dominated(all) : all;
}

std::vector<Entry> Space::without_dominated(const std::vector<Entry>& all) const {
  const auto weight = [&](const Entry& entry) {
    double sum = entry.cycles;
    for (size_t term = 0; term < kTerms; ++term)
      sum += std::log(entry.factors[term] + 1) * coefficients_[term];
    return sum;
  };
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < all.size(); ++i) order.emplace_back(weight(all[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<Entry> kept;
  for (const auto& place : order) {
    const Entry& entry = all[place.second];
    const bool is_dominated = std::any_of(kept.begin(), kept.end(),
                                          [&](const Entry& other) { return other.is_no_worse_than(entry); });
    if (!is_dominated) kept.push_back(entry);
  }
  return kept;
}

Mapping Space::mapping_of(const Region& region, const Chosen& groups) const {
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
    if (choice.element < choice.array)
      mapping.levels[1].loops.push_back({dimension, choice.element, choice.spread});
  }
  return mapping;
}

}  // namespace deltahop::search_space
