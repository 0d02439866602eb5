// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "deltahop/base/error.h"
#include "deltahop/mapping/chunks.h"

namespace deltahop {
namespace {

using enum Dimension;

// How one dimension is cut: DRAM's loop steps by `buffer`, the buffer's by `array`, and an element gets
// `element`.
struct Choice {
  int64_t buffer = 1, array = 1, element = 1;
  LoopKind spread = LoopKind::temporal;  // temporal: not spread, and element = array
};

// The order of one level's loops, as far as it matters.
struct Order {
  Operand stationary = Operand::weight;  // its irrelevant dimensions run innermost
  std::optional<Dimension> window;       // the innermost dimension that moves the window of inputs
};

// One part of the space in which every count is a product over dimensions.
struct Region {
  Order dram, buffer;
  // The dimensions that move the buffer's stationary operand do not loop at the buffer, so that what stays in
  // place there also stays in place while DRAM's innermost loops run.
  bool stays = false;
  std::optional<Dimension> buffer_slides_along, element_slides_along;
};

// Dimensions whose factors cannot be told apart (a window belongs to an output and a kernel dimension).
constexpr std::array<std::array<std::optional<Dimension>, 2>, 6> kGroups{{{out_row, kernel_row},
                                                                          {out_column, kernel_column},
                                                                          {out_channel, std::nullopt},
                                                                          {in_channel, std::nullopt},
                                                                          {batch, std::nullopt},
                                                                          {group, std::nullopt}}};

// Where elements of an operand are counted: entering the buffer, leaving it for the array (once a word),
// entering the elements (each its own), and at every multiplication (once a word).
enum class Cut : uint8_t { buffer, array, element, multiplier };
constexpr size_t kCuts = 4;
constexpr size_t kTerms = kOperands * kCuts;
constexpr size_t term_of(Operand operand, Cut cut) {
  return index_of(operand) * kCuts + static_cast<size_t>(cut);
}

struct Entry {
  std::array<Choice, 2> choices;
  std::array<double, kTerms> factors{};
  double cycles = 1;
  std::array<double, kOperands> buffer_tile{}, element_tile{};
  double rows = 1, columns = 1;

  bool is_no_worse_than(const Entry& other) const {
    for (size_t term = 0; term < kTerms; ++term) {
      if (factors[term] > other.factors[term]) return false;
    }
    for (size_t operand = 0; operand < kOperands; ++operand) {
      if (buffer_tile[operand] > other.buffer_tile[operand]) return false;
      if (element_tile[operand] > other.element_tile[operand]) return false;
    }
    return cycles <= other.cycles && rows <= other.rows && columns <= other.columns;
  }
};

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

class Search {
 public:
  Search(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs, const Dataflow& dataflow,
         Objective objective)
      : problem_(problem), hierarchy_(hierarchy), costs_(costs), dataflow_(dataflow), objective_(objective) {
    DELTAHOP_CHECK(hierarchy.array_level == 2 &&
                   (hierarchy.levels.size() == 2 || hierarchy.levels.size() == 3));
    set_coefficients();
    for (const Dimension dimension : kAllDimensions) choices_[index_of(dimension)] = choices_of(dimension);
  }

  SearchResult run() {
    std::vector<Start> starts;
    for (const Region& region : regions()) {
      if (auto start = start_of(region)) starts.push_back(std::move(*start));
    }
    // What promises most first, so that the rest is soon shown to be no better.
    std::sort(starts.begin(), starts.end(),
              [](const Start& a, const Start& b) { return a.promise < b.promise; });
    for (const Start& start : starts) {
      Node node;
      for (size_t g = 0; g < kGroups.size(); ++g) {
        for (const Entry& entry : *start.tables[g]) node.tables[g].push_back(&entry);
        node.least[g] = least_of(node.tables[g]);
      }
      descend(start.region, std::move(node));
    }
    return std::move(result_);
  }

 private:
  bool has_elements() const { return hierarchy_.levels.size() == 3; }
  bool keeps(size_t level, Operand operand) const {
    return level < hierarchy_.levels.size() && hierarchy_.levels[level].keeps[index_of(operand)];
  }

  // --- what a count costs
  // Energy = constant + sum over terms of coefficient * product of factors (see access_counts.h for the
  // transfers).
  void set_coefficients() {
    const auto macs = static_cast<double>(problem_.macs());
    constant_ = macs * costs_.mac;
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

  double& coefficient(Operand operand, Cut cut) { return coefficients_[term_of(operand, cut)]; }

  void add_transfer(Operand operand, size_t outer, size_t inner) {
    const bool crosses = inner >= hierarchy_.array_level;
    const double at_outer = costs_.access.at(outer);
    const double at_inner = costs_.access.at(inner) + (crosses ? costs_.hop : 0.0);
    double& unique = coefficient(operand, crosses ? Cut::array : Cut::buffer);
    double& copies = coefficient(operand, crosses ? Cut::element : Cut::buffer);
    unique += at_outer;
    copies += at_inner;
    if (operand != Operand::output) return;
    // Sums come back except where they begin.
    unique += at_outer + at_inner;
    constant_ -= static_cast<double>(problem_.elements(Operand::output)) * (at_outer + at_inner);
  }

  void add_multiplications(Operand operand, size_t outer) {
    const auto macs = static_cast<double>(problem_.macs());
    const auto outputs = static_cast<double>(problem_.elements(Operand::output));
    const double access = costs_.access.at(outer);
    const bool crosses = outer < hierarchy_.array_level;
    if (!crosses) {
      constant_ += macs * access * (operand == Operand::output ? 2 : 1);
      if (operand != Operand::output) return;
      // Sums that begin in an element are not read: copies - (unique - outputs) of them.
      coefficient(operand, Cut::element) -= access;
      coefficient(operand, Cut::array) += access;
      constant_ -= outputs * access;
      return;
    }
    constant_ += macs * costs_.hop;
    coefficient(operand, Cut::multiplier) += access;
    if (operand != Operand::output) return;
    coefficient(operand, Cut::multiplier) += access + costs_.hop;
    constant_ -= outputs * (access + costs_.hop);
  }

  // --- the space
  std::vector<Choice> choices_of(Dimension dimension) const {
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

  static std::vector<Order> orders(bool slides) {
    std::vector<Order> result{{Operand::weight, {}}, {Operand::input, {}}, {Operand::output, {}}};
    if (!slides) return result;
    for (const Operand operand : {Operand::weight, Operand::input}) {
      for (const Dimension dimension : {out_row, out_column}) result.push_back({operand, dimension});
    }
    return result;
  }

  std::vector<Region> regions() const {
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

  bool is_in_region(const Region& region, Dimension dimension, const Choice& choice) const {
    if (region.stays && is_relevant(region.buffer.stationary, dimension) && choice.buffer != choice.array)
      return false;
    return !(region.element_slides_along == dimension && choice.spread != LoopKind::temporal);
  }

  // --- factors
  // Chunks of a dimension that an operand's tile sees at a cut.
  int64_t chunks(const Region& region, Operand operand, Cut cut, Dimension dimension,
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

  double factor(const Region& region, Operand operand, Cut cut, size_t group_index,
                const std::array<Choice, 2>& choices) const {
    const auto& dimensions = kGroups[group_index];
    const bool is_window = dimensions[1].has_value() && operand == Operand::input && cut != Cut::multiplier;
    if (is_window) {
      const bool is_row = group_index == 0;
      const auto outputs = static_cast<double>(problem_.bound(*dimensions[0]));
      const auto taps = static_cast<double>(problem_.bound(*dimensions[1]));
      const auto output_chunks =
          static_cast<double>(chunks(region, operand, cut, *dimensions[0], choices[0]));
      const auto tap_chunks = static_cast<double>(chunks(region, operand, cut, *dimensions[1], choices[1]));
      const auto stride = static_cast<double>(is_row ? problem_.stride_rows : problem_.stride_columns);
      const auto dilation = static_cast<double>(is_row ? problem_.dilation_rows : problem_.dilation_columns);
      return tap_chunks * stride * (outputs - output_chunks) +
             output_chunks * dilation * (taps - tap_chunks) + output_chunks * tap_chunks;
    }
    double result = 1;
    for (size_t i = 0; i < 2 && dimensions[i]; ++i) {
      result *= static_cast<double>(is_relevant(operand, *dimensions[i])
                                        ? problem_.bound(*dimensions[i])
                                        : chunks(region, operand, cut, *dimensions[i], choices[i]));
    }
    return result;
  }

  double tile_factor(Operand operand, size_t group_index, int64_t first, int64_t second) const {
    const auto& dimensions = kGroups[group_index];
    if (dimensions[1] && operand == Operand::input) {
      return static_cast<double>(
          group_index == 0
              ? window_extent(first, second, problem_.stride_rows, problem_.dilation_rows)
              : window_extent(first, second, problem_.stride_columns, problem_.dilation_columns));
    }
    double result = is_relevant(operand, *dimensions[0]) ? static_cast<double>(first) : 1.0;
    if (dimensions[1] && is_relevant(operand, *dimensions[1])) result *= static_cast<double>(second);
    return result;
  }

  Entry entry_of(const Region& region, size_t group_index, const std::array<Choice, 2>& choices) const {
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

  bool fits(const std::array<double, kOperands>& buffer_tile,
            const std::array<double, kOperands>& element_tile, double rows, double columns) const {
    if (rows > static_cast<double>(hierarchy_.rows) || columns > static_cast<double>(hierarchy_.columns))
      return false;
    return fits(hierarchy_.levels[1], buffer_tile) &&
           (!has_elements() || fits(hierarchy_.levels[2], element_tile));
  }

  static bool fits(const StorageLevel& level, const std::array<double, kOperands>& tile) {
    double total = 0;
    for (size_t operand = 0; operand < kOperands; ++operand) {
      if (!level.keeps[operand]) continue;
      const int64_t own = level.operand_capacity[operand];
      if (own >= 0 && tile[operand] > static_cast<double>(own)) return false;
      total += tile[operand];
    }
    return level.capacity < 0 || total <= static_cast<double>(level.capacity);
  }

  // All of a region that the factors of one dimension depend on: regions that agree in it share their table.
  std::string part_of(const Region& region, Dimension dimension) const {
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

  const std::vector<Entry>& table_of(const Region& region, size_t group_index) {
    std::string key = std::to_string(group_index);
    for (const auto& dimension : kGroups[group_index]) {
      if (dimension) key += ' ' + part_of(region, *dimension);
    }
    const auto [place, is_new] = tables_.try_emplace(std::move(key));
    if (is_new) place->second = entries_of(region, group_index);
    return place->second;
  }

  std::vector<Entry> entries_of(const Region& region, size_t group_index) const {
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
        if (fits(entry.buffer_tile, entry.element_tile, entry.rows, entry.columns)) all.push_back(entry);
      }
    }
    // Comparing all with all pays for small tables only.
    constexpr size_t kLargestToCompare = 2000;
    return all.size() <= kLargestToCompare ? without_dominated(std::move(all)) : all;
  }

  std::vector<Entry> without_dominated(std::vector<Entry> all) const {
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
      const bool is_dominated = std::any_of(
          kept.begin(), kept.end(), [&](const Entry& other) { return other.is_no_worse_than(entry); });
      if (!is_dominated) kept.push_back(entry);
    }
    return kept;
  }

  // --- branch and bound
  struct Partial {
    std::array<double, kTerms> products;
    double cycles = 1, rows = 1, columns = 1;
    std::array<double, kOperands> buffer_tile{1, 1, 1}, element_tile{1, 1, 1};

    void multiply(const Entry& entry) {
      for (size_t term = 0; term < kTerms; ++term) products[term] *= entry.factors[term];
      cycles *= entry.cycles, rows *= entry.rows, columns *= entry.columns;
      for (size_t operand = 0; operand < kOperands; ++operand) {
        buffer_tile[operand] *= entry.buffer_tile[operand];
        element_tile[operand] *= entry.element_tile[operand];
      }
    }
  };

  // The objective, and what decides between equals.
  std::pair<double, double> value_of(const Partial& partial) const {
    double energy = constant_;
    for (size_t term = 0; term < kTerms; ++term) energy += coefficients_[term] * partial.products[term];
    switch (objective_) {
      case Objective::energy:
        return {energy, partial.cycles};
      case Objective::cycles:
        return {partial.cycles, energy};
      default:
        return {energy * partial.cycles, energy};
    }
  }

  // The least factor of every term over a table: together a bound, not a mapping.
  static Entry least_of(const std::vector<const Entry*>& entries) {
    Entry least = *entries.front();
    for (const Entry* candidate : entries) {
      const Entry& entry = *candidate;
      for (size_t term = 0; term < kTerms; ++term)
        least.factors[term] = std::min(least.factors[term], entry.factors[term]);
      least.cycles = std::min(least.cycles, entry.cycles);
      least.rows = std::min(least.rows, entry.rows), least.columns = std::min(least.columns, entry.columns);
      for (size_t operand = 0; operand < kOperands; ++operand) {
        least.buffer_tile[operand] = std::min(least.buffer_tile[operand], entry.buffer_tile[operand]);
        least.element_tile[operand] = std::min(least.element_tile[operand], entry.element_tile[operand]);
      }
    }
    return least;
  }

  // A region with all that can be chosen in it, and the bound of its best.
  struct Start {
    Region region;
    std::array<const std::vector<Entry>*, kGroups.size()> tables;
    std::pair<double, double> promise;
  };

  std::optional<Start> start_of(const Region& region) {
    Start start{.region = region, .tables = {}, .promise = {}};
    Partial bound;
    bound.products.fill(1);
    for (size_t g = 0; g < kGroups.size(); ++g) {
      start.tables[g] = &table_of(region, g);
      if (start.tables[g]->empty()) return std::nullopt;
      std::vector<const Entry*> all;
      for (const Entry& entry : *start.tables[g]) all.push_back(&entry);
      bound.multiply(least_of(all));
    }
    start.promise = value_of(bound);
    return start;
  }

  // The entries of every group that may still be part of a better mapping; of a chosen group, one.
  using Tables = std::array<std::vector<const Entry*>, kGroups.size()>;

  struct Node {
    Tables tables;
    std::array<Entry, kGroups.size()> least;  // of each table
  };

  Partial product_of_least(const Node& node, size_t without = SIZE_MAX) const {
    Partial partial;
    partial.products.fill(1);
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (g != without) partial.multiply(node.least[g]);
    }
    return partial;
  }

  // Takes out the entries that cannot fit or win, whatever the other groups choose. False where nothing is
  // left.
  bool narrow(Node& node) {
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (node.tables[g].size() == 1) continue;
      const Partial others = product_of_least(node, g);
      std::erase_if(node.tables[g], [&](const Entry* entry) {
        ++result_.nodes;
        Partial with = others;
        with.multiply(*entry);
        return !fits(with) || !is_better(value_of(with));
      });
      if (node.tables[g].empty()) return false;
      node.least[g] = least_of(node.tables[g]);
    }
    const Partial bound = product_of_least(node);
    return fits(bound) && is_better(value_of(bound));
  }

  bool fits(const Partial& partial) const {
    return fits(partial.buffer_tile, partial.element_tile, partial.rows, partial.columns);
  }

  // Rounding of doubles must not decide: what is no better by a part in 10^12 is no better.
  bool is_better(const std::pair<double, double>& value) const {
    if (!result_.mapping) return true;
    const double slack = 1e-12 * best_.first;
    if (value.first < best_.first - slack) return true;
    return value.first <= best_.first + slack && value.second < best_.second * (1 - 1e-12);
  }

  // Depth first, the group with the fewest entries left first, the entry that promises most first.
  void descend(const Region& region, Node node) {
    for (size_t before = SIZE_MAX, entries = entries_left(node); entries < before;
         entries = entries_left(node)) {
      before = entries;
      if (!narrow(node)) return;
    }
    size_t next = kGroups.size();
    for (size_t g = 0; g < kGroups.size(); ++g) {
      if (node.tables[g].size() == 1) continue;
      if (next == kGroups.size() || node.tables[g].size() < node.tables[next].size()) next = g;
    }
    if (next == kGroups.size()) return keep(region, node);
    const Partial others = product_of_least(node, next);
    std::vector<std::pair<double, const Entry*>> order;
    for (const Entry* entry : node.tables[next]) {
      Partial with = others;
      with.multiply(*entry);
      order.emplace_back(value_of(with).first, entry);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [promise, entry] : order) {
      Node child = node;
      child.tables[next] = {entry};
      child.least[next] = *entry;
      descend(region, std::move(child));
    }
  }

  static size_t entries_left(const Node& node) {
    size_t sum = 0;
    for (const auto& table : node.tables) sum += table.size();
    return sum;
  }

  void keep(const Region& region, const Node& node) {
    ++result_.tried;
    const auto value = value_of(product_of_least(node));
    if (!is_better(value)) return;
    best_ = value;
    result_.value = value.first;
    for (size_t g = 0; g < kGroups.size(); ++g) chosen_[g] = node.tables[g].front()->choices;
    result_.mapping = mapping_of(region);
  }

  // --- back to loops
  const Choice& chosen(Dimension dimension) const {
    for (size_t g = 0; g < kGroups.size(); ++g) {
      for (size_t i = 0; i < 2; ++i) {
        if (kGroups[g][i] == dimension) return chosen_[g][i];
      }
    }
    check_failed("every dimension is in a group", __FILE__, __LINE__);
  }

  // Outermost first: what moves the stationary operand, then what does not; the dimension to slide along as
  // far in as that allows.
  static std::vector<Dimension> dimensions_in(const Order& order) {
    std::vector<Dimension> result(kAllDimensions.begin(), kAllDimensions.end());
    std::stable_sort(result.begin(), result.end(), [&](Dimension a, Dimension b) {
      const auto rank = [&](Dimension d) {
        return 2 * !is_relevant(order.stationary, d) + (order.window == d);
      };
      return rank(a) < rank(b);
    });
    return result;
  }

  Mapping mapping_of(const Region& region) const {
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

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const UnitCosts& costs_;
  const Dataflow& dataflow_;
  Objective objective_;
  double constant_ = 0;
  std::array<double, kTerms> coefficients_{};
  std::array<std::vector<Choice>, kDimensions> choices_;
  std::map<std::string, std::vector<Entry>> tables_;  // by part of a region; their places do not change
  std::array<std::array<Choice, 2>, kGroups.size()> chosen_;
  std::pair<double, double> best_;
  SearchResult result_;
};

// Windows may lie apart, and then what is between them need not move.
double needed_elements(const Problem& problem, Operand operand) {
  double elements = static_cast<double>(problem.elements(operand));
  if (operand != Operand::input) return elements;
  const auto needed = [&](Dimension outputs, Dimension taps, int64_t stride, int64_t dilation) {
    const int64_t extent = window_extent(problem.bound(outputs), problem.bound(taps), stride, dilation);
    return static_cast<double>(std::min(extent, problem.bound(outputs) * problem.bound(taps))) /
           static_cast<double>(extent);
  };
  return elements * needed(out_row, kernel_row, problem.stride_rows, problem.dilation_rows) *
         needed(out_column, kernel_column, problem.stride_columns, problem.dilation_columns);
}

}  // namespace

SearchResult find_mapping(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                          const Dataflow& dataflow, Objective objective) {
  return Search(problem, hierarchy, costs, dataflow, objective).run();
}

double lower_bound(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
                   Objective objective) {
  const auto macs = static_cast<double>(problem.macs());
  const double cycles = std::ceil(macs / static_cast<double>(hierarchy.elements()));
  double energy = macs * costs.mac;
  for (const Operand operand : kAllOperands) {
    const double elements = needed_elements(problem, operand);
    size_t outer = 0;
    for (size_t level = 1; level < hierarchy.levels.size(); ++level) {
      if (!hierarchy.levels[level].keeps[index_of(operand)]) continue;
      const double hop = level >= hierarchy.array_level ? costs.hop : 0.0;
      energy += elements * (costs.access.at(outer) + costs.access.at(level) + hop);
      outer = level;
    }
    const bool crosses = outer < hierarchy.array_level;
    const double words = crosses ? std::max(elements, cycles) : macs;
    energy += words * costs.access.at(outer) + (crosses ? macs * costs.hop : 0.0);
    if (operand == Operand::output)
      energy += (words - elements) * (costs.access.at(outer) + (crosses ? costs.hop : 0.0));
  }
  switch (objective) {
    case Objective::energy:
      return energy;
    case Objective::cycles:
      return cycles;
    default:
      return energy * cycles;
  }
}

}  // namespace deltahop
