// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "deltahop/base/random.h"
#include "deltahop/base/sanitized_testing.h"

namespace deltahop {
namespace {

using enum Dimension;

Hierarchy random_hierarchy(Random& random) {
  Hierarchy hierarchy;
  hierarchy.levels.push_back({.name = "dram"});
  hierarchy.levels.push_back(
      {.name = "buffer", .capacity = random.integer(6, 60), .slides = random.chance(0.5)});
  for (bool& keeps : hierarchy.levels[1].keeps) keeps = random.chance(0.8);
  if (random.chance(0.7)) {
    StorageLevel element{.name = "element", .capacity = random.integer(3, 12), .slides = random.chance(0.5)};
    for (bool& keeps : element.keeps) keeps = random.chance(0.7);
    hierarchy.levels.push_back(element);
  }
  for (size_t level = 1; level < hierarchy.levels.size(); ++level) {
    StorageLevel& storage = hierarchy.levels[level];
    for (size_t operand = 0; operand < kOperands; ++operand)
      storage.may_bypass[operand] = storage.keeps[operand] && random.chance(0.15);
  }
  hierarchy.array_level = 2;
  hierarchy.rows = random.integer(1, 3);
  hierarchy.columns = random.integer(1, 3);
  return hierarchy;
}

Dataflow random_dataflow(Random& random) {
  Dataflow dataflow{.name = "random"};
  for (size_t d = 0; d < kDimensions; ++d) {
    dataflow.over_rows[d] = random.chance(0.5);
    dataflow.over_columns[d] = random.chance(0.5);
    dataflow.in_element[d] = random.chance(0.5);
  }
  return dataflow;
}

// What zeros may leave of any cost.
Savings random_savings(Random& random) {
  Savings savings{.macs = random.uniform(0, 1), .size = {{1, 1, 1}, {1, 1, 1}}};
  for (const size_t operand : {index_of(Operand::weight), index_of(Operand::input)}) {
    savings.in_element[operand] = random.uniform(0, 1);
    savings.over_array[operand] = random.uniform(0, 1.3);
    for (auto& level : savings.size) level[operand] = random.uniform(0, 1.3);
  }
  savings.in_element[index_of(Operand::output)] = random.uniform(0, 1);
  savings.finished = random.uniform(0, 1.3);
  return savings;
}

// Every mapping of the space, one by one: all nested tiles, all orders of loops.
class AllMappings {
 public:
  AllMappings(const Problem& problem, const Hierarchy& hierarchy, const UnitCosts& costs,
              const Dataflow& dataflow)
      : problem_(problem), hierarchy_(hierarchy), costs_(costs), dataflow_(dataflow) {
    for (const Dimension dimension : kAllDimensions) {
      if (problem.bound(dimension) > 1) dimensions_.push_back(dimension);
    }
    choose_ways(1, 0);
  }
  double least_energy = std::numeric_limits<double>::infinity();
  std::pair<double, double> least_cycles{least_energy, least_energy};  // and the least energy with as many
  double least_product = std::numeric_limits<double>::infinity();

 private:
  struct Tiles {
    int64_t buffer = 1, array = 1, row = 1, element = 1;
  };

  // Operand after operand, level after level: kept, or passed by.
  void choose_ways(size_t level, size_t operand) {
    if (level == hierarchy_.levels.size()) return cut(0);
    const size_t next_operand = (operand + 1) % kOperands, next_level = level + (next_operand == 0 ? 1 : 0);
    choose_ways(next_level, next_operand);
    if (!hierarchy_.levels[level].may_bypass[operand]) return;
    bypass_[level][operand] = true;
    choose_ways(next_level, next_operand);
    bypass_[level][operand] = false;
  }

  void cut(size_t i) {
    if (i == dimensions_.size()) return order();
    const int64_t bound = problem_.bound(dimensions_[i]);
    const size_t d = index_of(dimensions_[i]);
    const auto multiples = [&](int64_t tile, auto&& use) {
      for (int64_t n = 1;; ++n) {
        use(std::min(bound, n * tile));
        if (n * tile >= bound) return;
      }
    };
    for (int64_t element = 1; element <= bound; ++element) {
      if (element > 1 && !(dataflow_.in_element[d] && hierarchy_.levels.size() == 3)) break;
      multiples(element, [&](int64_t array) {
        multiples(array, [&](int64_t buffer) {
          multiples(element, [&](int64_t row) {
            if (row > array) return;
            if (row < array && !dataflow_.over_rows[d]) return;
            if (element < row && !dataflow_.over_columns[d]) return;
            tiles_[i] = {buffer, array, row, element};
            cut(i + 1);
          });
        });
      });
    }
  }

  void order() {
    std::vector<size_t> dram(dimensions_.size());
    for (size_t i = 0; i < dram.size(); ++i) dram[i] = i;
    do {
      std::vector<size_t> buffer = dram;
      std::sort(buffer.begin(), buffer.end());
      do {
        if (!try_mapping(dram, buffer)) return;
      } while (std::next_permutation(buffer.begin(), buffer.end()));
    } while (std::next_permutation(dram.begin(), dram.end()));
  }

  bool try_mapping(const std::vector<size_t>& dram, const std::vector<size_t>& buffer) {
    Mapping mapping;
    mapping.levels.resize(hierarchy_.levels.size());
    for (size_t level = 0; level < mapping.levels.size(); ++level)
      mapping.levels[level].bypass = bypass_.at(level);
    for (const size_t i : dram) mapping.levels[0].loops.push_back({dimensions_[i], tiles_[i].buffer});
    for (const size_t i : buffer) mapping.levels[1].loops.push_back({dimensions_[i], tiles_[i].array});
    for (size_t i = 0; i < dimensions_.size(); ++i) {
      const Tiles& tiles = tiles_[i];
      if (tiles.row < tiles.array)
        mapping.levels[1].loops.push_back({dimensions_[i], tiles.row, LoopKind::spatial_row});
      if (tiles.element < tiles.row)
        mapping.levels[1].loops.push_back({dimensions_[i], tiles.element, LoopKind::spatial_column});
    }
    if (!fault_of(problem_, hierarchy_, mapping).empty()) return false;
    for (const bool buffer_slides : {false, true}) {
      for (const bool element_slides : {false, true}) {
        mapping.levels[1].slides = buffer_slides;
        if (mapping.levels.size() == 3) mapping.levels[2].slides = element_slides;
        if (!fault_of(problem_, hierarchy_, mapping).empty()) continue;
        const AccessCounts counts = count_accesses(problem_, hierarchy_, mapping);
        const double energy = cost_of(counts, hierarchy_, costs_).energy();
        const auto cycles = static_cast<double>(counts.cycles);
        least_energy = std::min(least_energy, energy);
        least_cycles = std::min(least_cycles, {cycles, energy});
        least_product = std::min(least_product, energy * cycles);
      }
    }
    return true;
  }

  const Problem& problem_;
  const Hierarchy& hierarchy_;
  const UnitCosts& costs_;
  const Dataflow& dataflow_;
  std::vector<Dimension> dimensions_;
  std::array<Tiles, kDimensions> tiles_;
  std::array<std::array<bool, kOperands>, 3> bypass_{};
};

// Every fourth of the cases by itself, so that they may run side by side.
constexpr int kParts = 4;
class SmallProblems : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Part, SmallProblems, testing::Range(0, kParts));

TEST_P(SmallProblems, HaveNoMappingThatIsBetterThanTheOneFound) {
  Random random(7);
  for (int i = 0; i < 60; ++i) {
    Problem problem;
    for (int n = 0; n < 3; ++n)
      problem.bounds[static_cast<size_t>(random.integer(0, 7))] = random.integer(2, 5);
    problem.stride_rows = random.integer(1, 2);
    problem.dilation_columns = random.integer(1, 2);
    const Hierarchy hierarchy = random_hierarchy(random);
    const Dataflow dataflow = random_dataflow(random);
    UnitCosts costs{
        .mac = 1, .hop = random.uniform(0, 2), .access = {random.uniform(20, 200), random.uniform(2, 10)}};
    if (hierarchy.levels.size() == 3) costs.access.push_back(random.uniform(0.5, 2));
    if (i % 2 == 1) costs.savings = random_savings(random);
    if (i % kParts != GetParam()) continue;
    const AllMappings all(problem, hierarchy, costs, dataflow);
    const SearchResult result = find_mapping(problem, hierarchy, costs, dataflow, Objective::energy);
    ASSERT_EQ(result.mapping.has_value(), std::isfinite(all.least_energy)) << i;
    if (!result.mapping) continue;
    ASSERT_EQ(fault_of(problem, hierarchy, *result.mapping), "");
    const AccessCounts counts = count_accesses(problem, hierarchy, *result.mapping);
    ASSERT_NEAR(result.value, all.least_energy, 1e-9 * all.least_energy)
        << i << "\n"
        << to_text(problem, hierarchy, *result.mapping);
    ASSERT_NEAR(cost_of(counts, hierarchy, costs).energy(), result.value, 1e-9 * result.value)
        << i << "\n"
        << to_text(problem, hierarchy, *result.mapping);
    ASSERT_GE(result.value * (1 + 1e-12), lower_bound(problem, hierarchy, costs, Objective::energy));
    const SearchResult fastest = find_mapping(problem, hierarchy, costs, dataflow, Objective::cycles);
    ASSERT_EQ(fastest.value, all.least_cycles.first) << i;
    const double energy =
        cost_of(count_accesses(problem, hierarchy, *fastest.mapping), hierarchy, costs).energy();
    ASSERT_NEAR(energy, all.least_cycles.second, 1e-9 * energy) << i;
    ASSERT_GE(fastest.value, lower_bound(problem, hierarchy, costs, Objective::cycles));
    const SearchResult both = find_mapping(problem, hierarchy, costs, dataflow, Objective::energy_delay);
    ASSERT_NEAR(both.value, all.least_product, 1e-9 * both.value) << i;
  }
}

// 48 channels over a 4 x 4 array: three rounds, and not twelve as along one side.
TEST(FindMapping, OneDimensionTakesTheWholeArrayWhereItMayBeSpreadOverBothSides) {
  Problem problem;
  problem.bounds[index_of(out_channel)] = 48;
  problem.bounds[index_of(in_channel)] = 10;
  Hierarchy hierarchy{.levels = {{.name = "dram"}, {.name = "buffer", .capacity = 200}},
                      .array_level = 2,
                      .rows = 4,
                      .columns = 4};
  Dataflow dataflow{.name = "channels"};
  dataflow.over_rows[index_of(out_channel)] = true;
  const UnitCosts costs{.mac = 1, .hop = 1, .access = {100, 5}};
  EXPECT_EQ(find_mapping(problem, hierarchy, costs, dataflow, Objective::cycles).value, 120);
  dataflow.over_columns[index_of(out_channel)] = true;
  const SearchResult both = find_mapping(problem, hierarchy, costs, dataflow, Objective::cycles);
  EXPECT_EQ(both.value, 30);
  EXPECT_EQ(fault_of(problem, hierarchy, *both.mapping), "");
}

class EachObjective : public testing::TestWithParam<Objective> {};
INSTANTIATE_TEST_SUITE_P(Objective, EachObjective,
                         testing::Values(Objective::energy, Objective::cycles, Objective::energy_delay));

TEST_P(EachObjective, NothingIsBetterThanItsBound) {
  Random random(3);
  for (int i = 0; i < 30; ++i) {
    Problem problem;
    for (int64_t& bound : problem.bounds) bound = random.chance(0.5) ? 1 : random.integer(2, 40);
    problem.stride_rows = random.integer(1, 3);
    problem.dilation_rows = random.integer(1, 3);
    Hierarchy hierarchy = random_hierarchy(random);
    hierarchy.levels[1].capacity = random.integer(100, 5000);
    const Dataflow dataflow = random_dataflow(random);
    UnitCosts costs{.mac = 1, .hop = 2, .access = {200, 6}};
    if (hierarchy.levels.size() == 3) costs.access.push_back(1);
    // One case of the 30, whose fewest cycles take minutes.
    if (kSanitized && GetParam() == Objective::cycles && problem.macs() > 500e6) continue;
    const SearchResult result = find_mapping(problem, hierarchy, costs, dataflow, GetParam());
    ASSERT_TRUE(result.mapping) << i;
    ASSERT_GE(result.value * (1 + 1e-12), lower_bound(problem, hierarchy, costs, GetParam())) << i;
    ASSERT_LE(static_cast<double>(result.tried), result.space) << i;
  }
}

}  // namespace
}  // namespace deltahop
