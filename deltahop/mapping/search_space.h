// SPDX-License-Identifier: Apache-2.0
// The space that find_mapping searches, cut so that costs become sums of products: regions fix the orders of
// loops, groups of dimensions are chosen independently, and an entry is one way to cut a group with its
// factor in every term of the cost.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/mapping/search.h"

namespace deltahop::search_space {

// How one dimension is cut: DRAM's loop steps by `buffer`, the buffer's by `array`, and an element gets
// `element`. Which of the elements side by side lie along rows and which along columns costs nothing, and is
// decided for all dimensions together (Packing).
struct Choice {
  int64_t buffer = 1, array = 1, element = 1;
  int64_t side_by_side() const { return (array + element - 1) / element; }
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
  // Nothing loops at the buffer: elements slide along DRAM's loop, and DRAM's stationary operand stays in
  // them.
  bool is_bare = false;
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

// What one way to cut a group multiplies everything by, and so also what chosen cuts multiply to: one number
// a place.
struct Measures {
  static constexpr size_t kCycles = kTerms;
  // At least so many rows, columns and elements; and the cycles of so many elements one after another.
  static constexpr size_t kRows = kTerms + 1, kColumns = kTerms + 2, kElements = kTerms + 3,
                          kWork = kTerms + 4;
  static constexpr size_t kBufferTile = kTerms + 5, kElementTile = kBufferTile + kOperands;
  static constexpr size_t kPlaces = kElementTile + kOperands;
  std::array<double, kPlaces> at = ones();

  static constexpr std::array<double, kPlaces> ones() {
    std::array<double, kPlaces> result{};
    result.fill(1);
    return result;
  }
  void multiply(const Measures& other) {
    for (size_t place = 0; place < kPlaces; ++place) at[place] *= other.at[place];
  }
  void take_least(const Measures& other) {
    for (size_t place = 0; place < kPlaces; ++place) at[place] = std::min(at[place], other.at[place]);
  }
};

using GroupChoice = std::array<Choice, 2>;

// The ways to cut a group as a tree: by what matters most, then by what matters next, then one by one. A part
// of the tree stands for all of them in it, with the least of each of their factors.
struct Part {
  Measures least;
  size_t first = 0, last = 0;  // parts below; none: one choice
  size_t choice = 0;
  bool is_choice() const { return first == last; }
};
struct Table {
  std::vector<GroupChoice> choices;
  std::vector<Part> parts;
  size_t first = 0, last = 0;  // the parts at the top; none where nothing fits
};

// Of all groups.
using Chosen = std::array<GroupChoice, kGroups.size()>;

class Space {
 public:
  Space(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs, const Dataflow& dataflow);

  std::vector<Region> regions() const;
  // All ways to cut a group that fit on their own; shared by regions in which the group behaves the same.
  // Lives as long as the space.
  const Table& table_of(const Region& region, size_t group_index);
  // Of all ways with as many cycles only the one that needs least room.
  Table smallest_of(const Region& region, size_t group_index) const;
  bool fits(const Measures& measures) const;
  double cycles_of(const Measures& measures) const {
    return std::max(measures.at[Measures::kCycles],
                    measures.at[Measures::kWork] / static_cast<double>(hierarchy_.elements()));
  }
  // Rows of the array for each dimension so that all lie side by side; what is not chosen takes none.
  std::optional<DimensionSizes> rows_of(const Chosen& chosen) const;
  double energy_of(const Measures& measures) const;
  // rows: as rows_of has found them.
  Mapping mapping_of(const Region& region, const Chosen& chosen, const DimensionSizes& rows) const;

 private:
  bool elements_loop() const {
    return has_elements() && std::find(dataflow_.in_element.begin(), dataflow_.in_element.end(), true) !=
                                 dataflow_.in_element.end();
  }
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
  void add_choices(Dimension dimension, int64_t element, int64_t chunks, std::vector<Choice>& choices) const;
  bool fits_into_element(Dimension dimension, int64_t size) const;
  // The fewest rows with which `chunks` elements lie side by side; 0: none.
  int64_t fewest_rows(Dimension dimension, int64_t chunks) const;
  int64_t fewest_columns(Dimension dimension, int64_t chunks) const;
  bool pack(const Chosen& chosen, size_t dimension, int64_t rows, int64_t columns,
            DimensionSizes& found) const;
  bool is_in_region(const Region& region, Dimension dimension, const Choice& choice) const;
  // Chunks of a dimension that an operand's tile sees at a cut.
  int64_t chunks(const Region& region, Operand operand, Cut cut, Dimension dimension,
                 const Choice& choice) const;
  double window_factor(const Region& region, Cut cut, size_t group_index, const GroupChoice& choice) const;
  double factor(const Region& region, Operand operand, Cut cut, size_t group_index,
                const GroupChoice& choice) const;
  double tile_factor(Operand operand, size_t group_index, int64_t first, int64_t second) const;
  Measures measures_of(const Region& region, size_t group_index, const GroupChoice& choice) const;
  template <class Take>
  std::vector<GroupChoice> choices_of(const Region& region, size_t group_index, Take&& take) const;
  Table tree_of(const Region& region, size_t group_index, std::vector<GroupChoice> choices) const;
  // All of a region that the factors of one dimension depend on: regions that agree in it share their table.
  std::string part_of(const Region& region, Dimension dimension) const;

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const UnitCosts& costs_;
  const Dataflow& dataflow_;
  double constant_ = 0;
  std::array<double, kTerms> coefficients_{};
  std::array<std::vector<Choice>, kDimensions> choices_;
  std::map<std::string, Table> tables_;  // by group and part of a region; their places do not change
};

}  // namespace deltahop::search_space
