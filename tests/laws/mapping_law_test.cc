// SPDX-License-Identifier: Apache-2.0
// What every mapping and every optimum must keep to, whatever the problem: nothing below its bound, more of
// anything that is free never costs more, fewer zeros never cost less.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "deltahop/base/random.h"
#include "deltahop/mapping/map_network.h"

namespace deltahop {
namespace {

LayerToMap random_layer(Random& random) {
  LayerToMap layer{"layer", "", {}, 1, true};
  constexpr DimensionSizes kMost = {3, 2, 12, 12, 9, 9, 3, 3};
  for (size_t d = 0; d < kDimensions; ++d) layer.problem.bounds[d] = random.integer(1, kMost[d]);
  layer.problem.stride_rows = layer.problem.stride_columns = random.integer(1, 2);
  return layer;
}

ArrayChip chip_with(const std::string& name, std::vector<std::string> settings) {
  settings.insert(settings.end(), {"array.rows=4", "array.columns=4"});
  return load_array_chip(name, settings);
}

Sparsity random_use(Random& random) {
  const std::vector<std::string> names = sparsity_names();
  return load_sparsity(names[static_cast<size_t>(random.integer(0, static_cast<int64_t>(names.size()) - 1))]);
}

double optimum(const LayerToMap& layer, const ArrayChip& chip, Objective objective = Objective::energy) {
  return map_layers({layer}, {chip}, {.objective = objective}, {})[0][0].value;
}

TEST(MappingLaw, MoreBufferNeverCostsMoreAtTheOptimum) {
  Random random(21);
  for (int i = 0; i < 24; ++i) {
    LayerToMap layer = random_layer(random);
    layer.zeros =
        expected_zeros(layer.problem, {random.uniform(0, 1), random.uniform(0, 1), random.uniform(0, 1)});
    const std::string name = array_chip_names()[static_cast<size_t>(i) % array_chip_names().size()];
    const Sparsity use = random_use(random);
    double before = std::numeric_limits<double>::infinity();
    for (const char* const capacity : {"512 B", "1 KiB", "3 KiB", "16 KiB", "256 KiB"}) {
      ArrayChip chip = chip_with(name, {std::string("buffer.capacity=") + capacity});
      chip.sparsity = use;
      const double value = optimum(layer, chip);
      ASSERT_LE(value, before * (1 + 1e-12)) << i << " " << name << " " << capacity;
      before = value;
    }
  }
}

TEST(MappingLaw, LargerElementsNeverCostMoreAtTheOptimum) {
  Random random(22);
  for (int i = 0; i < 16; ++i) {
    const LayerToMap layer = random_layer(random);
    double before = std::numeric_limits<double>::infinity();
    for (const char* const capacity : {"16 B", "64 B", "128 B", "512 B"}) {
      const double value = optimum(
          layer, chip_with("rs", {std::string("element.capacity=") + capacity, "buffer.capacity=4 KiB"}));
      ASSERT_LE(value, before * (1 + 1e-12)) << i << " " << capacity;
      before = value;
    }
  }
}

TEST(MappingLaw, MoreElementsNeverTakeMoreCyclesAtTheOptimum) {
  Random random(23);
  for (int i = 0; i < 12; ++i) {
    const LayerToMap layer = random_layer(random);
    double before = std::numeric_limits<double>::infinity();
    for (const int side : {1, 2, 4, 8}) {
      const std::string text = std::to_string(side);
      const double value = optimum(
          layer, load_array_chip("ws", {"array.rows=" + text, "array.columns=" + text}), Objective::cycles);
      ASSERT_LE(value, before) << i << " " << side;
      before = value;
    }
  }
}

TEST(MappingLaw, FewerValuesThatAreNotZeroNeverCostMore) {
  Random random(24);
  for (int i = 0; i < 20; ++i) {
    LayerToMap layer = random_layer(random);
    ArrayChip chip = chip_with("rs", {"buffer.capacity=2 KiB"});
    chip.sparsity = random_use(random);
    double before = 0;
    for (const double density : {0.05, 0.3, 0.6, 1.0}) {
      layer.zeros = expected_zeros(layer.problem, {density, density, density});
      const double value = optimum(layer, chip);
      ASSERT_GE(value, before * (1 - 1e-12)) << i << " " << chip.sparsity.name << " " << density;
      before = value;
    }
    layer.zeros.reset();
    ASSERT_GE(optimum(layer, chip), before * (1 - 1e-12)) << i;  // dense is dearest
  }
}

// The least that must move: every element once over every place that keeps it, whatever the mapping. Random
// mappings, not only the best.
TEST(MappingLaw, CountsOfAnyMappingLieAboveWhatMustMove) {
  Random random(25);
  int counted = 0;
  for (int i = 0; i < 3000; ++i) {
    const LayerToMap layer = random_layer(random);
    const ArrayChip chip =
        chip_with(array_chip_names()[static_cast<size_t>(i) % array_chip_names().size()], {});
    Mapping mapping;
    mapping.levels.resize(chip.hierarchy.levels.size());
    DimensionSizes left = layer.problem.bounds;
    for (size_t level = 0; level < 2; ++level) {
      for (int64_t n = random.integer(2, 8); n > 0; --n) {
        const auto dimension = kAllDimensions[static_cast<size_t>(random.integer(0, kDimensions - 1))];
        int64_t& size = left[index_of(dimension)];
        size = random.integer(1, size);
        mapping.levels[level].loops.push_back({dimension, size});
      }
    }
    if (!fault_of(layer.problem, chip.hierarchy, mapping).empty()) continue;
    ++counted;
    const AccessCounts counts = count_accesses(layer.problem, chip.hierarchy, mapping);
    UnitCosts costs = chip.unit_costs();
    if (random.chance(0.5)) {
      const Densities densities = {random.uniform(0, 1), random.uniform(0, 1), random.uniform(0, 1)};
      costs.savings = savings_of(random_use(random), expected_zeros(layer.problem, densities), 16);
    }
    const double energy = cost_of(counts, chip.hierarchy, costs).energy();
    ASSERT_GE(energy * (1 + 1e-12), lower_bound(layer.problem, chip.hierarchy, costs, Objective::energy))
        << i;
    ASSERT_GE(static_cast<double>(counts.cycles) * costs.savings.cycles * (1 + 1e-12),
              lower_bound(layer.problem, chip.hierarchy, costs, Objective::cycles));
    for (const Operand operand : {Operand::weight, Operand::output})
      ASSERT_GE(counts.levels[0][index_of(operand)].total(), layer.problem.elements(operand)) << i;
    ASSERT_EQ(counts.macs, layer.problem.macs());
  }
  EXPECT_GT(counted, 200);  // enough of them fit
}

}  // namespace
}  // namespace deltahop
