// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/access_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "deltahop/base/random.h"
#include "deltahop/mapping/walk.h"

namespace deltahop {
namespace {

using enum Dimension;

struct Case {
  Problem problem;
  Hierarchy hierarchy;
  Mapping mapping;
};

Problem random_problem(Random& random) {
  Problem problem;
  for (const Dimension dimension : kAllDimensions) {
    const bool is_rare = dimension == Dimension::group || dimension == Dimension::batch;
    problem.bounds[index_of(dimension)] = is_rare && random.chance(0.6) ? 1 : random.integer(1, 4);
  }
  problem.stride_rows = random.integer(1, 3);
  problem.stride_columns = random.integer(1, 3);
  problem.dilation_rows = random.integer(1, 2);
  problem.dilation_columns = random.integer(1, 2);
  return problem;
}

Hierarchy random_hierarchy(Random& random) {
  Hierarchy hierarchy;
  const int64_t levels = random.integer(1, 4);
  for (int64_t level = 0; level < levels; ++level) {
    StorageLevel storage{.name = "level" + std::to_string(level), .slides = random.chance(0.5)};
    for (bool& keeps : storage.keeps) keeps = level == 0 || random.chance(0.75);
    hierarchy.levels.push_back(storage);
  }
  hierarchy.array_level = static_cast<size_t>(levels - (levels > 1 && random.chance(0.7) ? 1 : 0));
  hierarchy.rows = hierarchy.columns = 1 << 20;
  return hierarchy;
}

// Any loops in any order; every step from 1 to what is left.
Mapping random_mapping(Random& random, const Problem& problem, const Hierarchy& hierarchy) {
  Mapping mapping;
  DimensionSizes left = problem.bounds;
  for (size_t level = 0; level < hierarchy.levels.size(); ++level) {
    std::vector<Loop> loops;
    const auto add = [&](LoopKind kind) {
      const auto dimension = kAllDimensions[static_cast<size_t>(random.integer(0, kDimensions - 1))];
      int64_t& size = left[index_of(dimension)];
      const Loop loop{dimension, random.integer(1, size), kind};
      size = loop.step;
      loops.push_back(loop);
    };
    for (int64_t i = random.integer(0, 5); i > 0; --i) add(LoopKind::temporal);
    if (level + 1 == hierarchy.array_level) {
      for (int64_t i = random.integer(0, 3); i > 0; --i) {
        add(random.chance(0.5) ? LoopKind::spatial_row : LoopKind::spatial_column);
      }
    }
    mapping.levels.push_back({loops, hierarchy.levels[level].slides});
  }
  return mapping;
}

Case random_case(Random& random) {
  Case result{random_problem(random), random_hierarchy(random), {}};
  result.mapping = random_mapping(random, result.problem, result.hierarchy);
  return result;
}

TEST(AccessCounts, EqualTheWalkThroughTheNestOnRandomShapesLevelsAndLoops) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const Case c = random_case(random);
    ASSERT_EQ(fault_of(c.problem, c.hierarchy, c.mapping), "");
    const AccessCounts counts = count_accesses(c.problem, c.hierarchy, c.mapping);
    const AccessCounts walked = walk_accesses(c.problem, c.hierarchy, c.mapping);
    ASSERT_EQ(counts.macs, walked.macs) << i;
    ASSERT_EQ(counts.cycles, walked.cycles) << i << "\n" << to_text(c.problem, c.hierarchy, c.mapping);
    for (const Operand operand : kAllOperands) {
      const auto& expected = walked.transfers[index_of(operand)];
      const auto& actual = counts.transfers[index_of(operand)];
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t t = 0; t < actual.size(); ++t) {
        ASSERT_EQ(actual[t], expected[t])
            << "case " << i << ", " << name_of(operand) << " from " << actual[t].outer << " to "
            << actual[t].inner << ": down " << actual[t].down_unique << " " << actual[t].down_copies
            << " walked " << expected[t].down_unique << " " << expected[t].down_copies << "; up "
            << actual[t].up_unique << " " << actual[t].up_copies << " walked " << expected[t].up_unique << " "
            << expected[t].up_copies << "\n"
            << to_text(c.problem, c.hierarchy, c.mapping) << "array above level " << c.hierarchy.array_level
            << " strides " << c.problem.stride_rows << c.problem.stride_columns << c.problem.dilation_rows
            << c.problem.dilation_columns;
      }
    }
    ASSERT_EQ(counts, walked) << i;
  }
}

}  // namespace
}  // namespace deltahop
