// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/access_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "deltahop/base/random.h"
#include "deltahop/base/sanitized_testing.h"
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
    for (size_t operand = 0; operand < kOperands; ++operand) {
      storage.keeps[operand] = level == 0 || random.chance(0.75);
      storage.may_bypass[operand] = level > 0 && storage.keeps[operand] && random.chance(0.3);
    }
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
    std::array<bool, kOperands>& bypass = mapping.levels.back().bypass;
    for (size_t operand = 0; operand < kOperands; ++operand)
      bypass[operand] = hierarchy.levels[level].may_bypass[operand] && random.chance(0.5);
    if (bypass[index_of(Operand::input)]) mapping.levels.back().slides = false;
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
  for (int i = 0; i < random_cases(2000); ++i) {
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

// Zeros that an element meets: of `of` patterns a value is none in `left`, so that means over all patterns
// are exact.
struct Patterns {
  int64_t left, of;
  double density() const { return static_cast<double>(left) / static_cast<double>(of); }
  bool is_zero(size_t hash, int64_t pattern) const {
    return static_cast<int64_t>((hash + static_cast<size_t>(pattern)) % static_cast<size_t>(of)) >= left;
  }
};

size_t hash_of(std::initializer_list<int64_t> numbers) {
  size_t hash = 17;
  for (const int64_t number : numbers) hash = hash * 1'000'003 + static_cast<size_t>(number);
  return hash ^ (hash >> 7);
}

// By what is stored: an input by its place in the padded map.
size_t hash_of(const Problem& problem, Operand operand, const DimensionSizes& index) {
  const auto at = [&](Dimension dimension) { return index[index_of(dimension)]; };
  if (operand == Operand::weight)
    return hash_of({at(group), at(out_channel), at(in_channel), at(kernel_row), at(kernel_column)});
  return hash_of({at(batch), at(group), at(in_channel),
                  at(out_row) * problem.stride_rows + at(kernel_row) * problem.dilation_rows,
                  at(out_column) * problem.stride_columns + at(kernel_column) * problem.dilation_columns});
}

Sparsity random_sparsity(Random& random) {
  Sparsity sparsity;
  std::vector<Operand> order = {Operand::weight, Operand::input};
  if (random.chance(0.5)) std::swap(order[0], order[1]);
  for (const Operand operand : order) {
    const int64_t choice = random.integer(0, 2);
    if (choice == 1) sparsity.gates.push_back(operand);
    if (choice == 2) sparsity.skips.push_back(operand);
  }
  return sparsity;
}

TEST(AccessedWords, EqualTheWalkWithZerosOverAllTheirPatterns) {
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    const Case c = random_case(random);
    const Sparsity sparsity = random_sparsity(random);
    const std::array<Patterns, 2> patterns{{{random.integer(1, 3), 4}, {random.integer(0, 2), 2}}};
    AccessedWords walked{.levels = {}};
    walked.levels.resize(c.hierarchy.levels.size());
    for (int64_t w = 0; w < patterns[0].of; ++w) {
      for (int64_t x = 0; x < patterns[1].of; ++x) {
        const auto is_zero = [&](Operand operand, const DimensionSizes& index) {
          const size_t hash = hash_of(c.problem, operand, index);
          return operand == Operand::weight ? patterns[0].is_zero(hash, w) : patterns[1].is_zero(hash, x);
        };
        const AccessedWords one = accessed_words(
            walk_accesses(c.problem, c.hierarchy, c.mapping, sparsity, is_zero), c.hierarchy, {});
        walked.macs += one.macs;
        for (size_t operand = 0; operand < kOperands; ++operand) {
          walked.array_words[operand] += one.array_words[operand];
          for (size_t level = 0; level < one.levels.size(); ++level)
            walked.levels[level][operand] += one.levels[level][operand];
        }
      }
    }
    LayerZeros zeros;
    zeros.weight_macs = patterns[0].density(), zeros.input_macs = patterns[1].density();
    zeros.both_macs = zeros.weight_macs * zeros.input_macs;
    const AccessedWords closed = accessed_words(count_accesses(c.problem, c.hierarchy, c.mapping),
                                                c.hierarchy, savings_of(sparsity, zeros, 16));
    // Densities are eighths: every number is exact.
    const auto all = static_cast<double>(patterns[0].of * patterns[1].of);
    ASSERT_EQ(walked.macs, all * closed.macs) << i;
    for (size_t operand = 0; operand < kOperands; ++operand) {
      ASSERT_EQ(walked.array_words[operand], all * closed.array_words[operand]) << i;
      for (size_t level = 0; level < closed.levels.size(); ++level)
        ASSERT_EQ(walked.levels[level][operand], all * closed.levels[level][operand])
            << "case " << i << ", level " << level << ", " << name_of(kAllOperands[operand]) << "\n"
            << to_text(c.problem, c.hierarchy, c.mapping);
    }
  }
}

}  // namespace
}  // namespace deltahop
