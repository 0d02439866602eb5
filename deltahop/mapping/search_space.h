// SPDX-License-Identifier: Apache-2.0
// The space that find_mapping searches, cut so that costs become sums of products: regions fix the orders of
// loops, groups of dimensions are chosen independently, and an entry is one way to cut a group with its
// factor in every term of the cost.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "deltahop/mapping/search.h"

namespace deltahop::search_space {

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
inline constexpr std::array<std::array<std::optional<Dimension>, 2>, 6> kGroups{
    {{Dimension::out_row, Dimension::kernel_row},
     {Dimension::out_column, Dimension::kernel_column},
     {Dimension::out_channel, std::nullopt},
     {Dimension::in_channel, std::nullopt},
     {Dimension::batch, std::nullopt},
     {Dimension::group, std::nullopt}}};

// Where elements of an operand are counted: entering the buffer, leaving it for the array (once a word),
// entering the elements (each its own), and at every multiplication (once a word).
enum class Cut : uint8_t { buffer, array, element, multiplier };
inline constexpr size_t kCuts = 4;
inline constexpr size_t kTerms = kOperands * kCuts;
constexpr size_t term_of(Operand operand, Cut cut) {
  return index_of(operand) * kCuts + static_cast<size_t>(cut);
}

// One way to cut the dimensions of a group, and what it multiplies everything by.
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

// What chosen entries multiply to.
struct Partial {
  std::array<double, kTerms> products = ones();
  double cycles = 1, rows = 1, columns = 1;
  std::array<double, kOperands> buffer_tile{1, 1, 1}, element_tile{1, 1, 1};

  static constexpr std::array<double, kTerms> ones() {
    std::array<double, kTerms> result{};
    result.fill(1);
    return result;
  }
  void multiply(const Entry& entry) {
    for (size_t term = 0; term < kTerms; ++term) products[term] *= entry.factors[term];
    cycles *= entry.cycles, rows *= entry.rows, columns *= entry.columns;
    for (size_t operand = 0; operand < kOperands; ++operand) {
      buffer_tile[operand] *= entry.buffer_tile[operand];
      element_tile[operand] *= entry.element_tile[operand];
    }
  }
};

// The product of all.
Partial product_of(std::span<const Entry> entries);

// The entries chosen for all groups.
using Chosen = std::array<std::array<Choice, 2>, kGroups.size()>;

class Space {
 public:
  Space(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs, const Dataflow& dataflow);

  std::vector<Region> regions() const;
  // All entries of a group that fit on their own; shared by regions in which the group behaves the same.
  // Lives as long as the space.
  const std::vector<Entry>& table_of(const Region& region, size_t group_index);
  bool fits(const Partial& partial) const;
  double energy_of(const Partial& partial) const;
  Mapping mapping_of(const Region& region, const Chosen& chosen) const;

 private:
  bool has_elements() const { return hierarchy_.levels.size() == 3; }
  bool keeps(size_t level, Operand operand) const {
    return level < hierarchy_.levels.size() && hierarchy_.levels[level].keeps[index_of(operand)];
  }
  double& coefficient(Operand operand, Cut cut) { return coefficients_[term_of(operand, cut)]; }

  // Energy = constant + sum over terms of coefficient * product of factors (see access_counts.h for the
  // transfers).
  void set_coefficients();
  void add_transfer(Operand operand, size_t outer, size_t inner);
  void add_multiplications(Operand operand, size_t outer);

  std::vector<Choice> choices_of(Dimension dimension) const;
  bool is_in_region(const Region& region, Dimension dimension, const Choice& choice) const;
  // Chunks of a dimension that an operand's tile sees at a cut.
  int64_t chunks(const Region& region, Operand operand, Cut cut, Dimension dimension,
                 const Choice& choice) const;
  double window_factor(const Region& region, Cut cut, size_t group_index,
                       const std::array<Choice, 2>& choices) const;
  double factor(const Region& region, Operand operand, Cut cut, size_t group_index,
                const std::array<Choice, 2>& choices) const;
  double tile_factor(Operand operand, size_t group_index, int64_t first, int64_t second) const;
  Entry entry_of(const Region& region, size_t group_index, const std::array<Choice, 2>& choices) const;
  std::vector<Entry> entries_of(const Region& region, size_t group_index) const;
  std::vector<Entry> without_dominated(const std::vector<Entry>& all) const;
  // All of a region that the factors of one dimension depend on: regions that agree in it share their table.
  std::string part_of(const Region& region, Dimension dimension) const;

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const UnitCosts& costs_;
  const Dataflow& dataflow_;
  double constant_ = 0;
  std::array<double, kTerms> coefficients_{};
  std::array<std::vector<Choice>, kDimensions> choices_;
  std::map<std::string, std::vector<Entry>>
      tables_;  // by group and part of a region; their places do not change
};

}  // namespace deltahop::search_space
