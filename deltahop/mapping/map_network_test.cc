// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/map_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

std::vector<LayerToMap> small_layers() {
  LayerToMap a{"a", "conv", {{2, 1, 8, 4, 6, 6, 3, 3}, 1, 1, 1, 1}, 1, true};
  LayerToMap b{"b", "conv", {{2, 2, 4, 4, 5, 5, 3, 3}, 2, 2, 1, 1}, 1, true};
  LayerToMap same = a;
  same.name = "same";
  return {a, b, same, {"fc", "fc", {{2, 1, 10, 64, 1, 1, 1, 1}, 1, 1, 1, 1}, 1, false}};
}

std::vector<ArrayChip> all_chips() {
  std::vector<ArrayChip> chips;
  for (const std::string& name : array_chip_names()) chips.push_back(load_array_chip(name));
  return chips;
}

TEST(MapNetwork, SharesAddUpToTheEnergyAndNothingIsUnderTheBound) {
  const auto layers = small_layers();
  for (const auto& chip : map_layers(layers, all_chips(), {.threads = 2}, {})) {
    for (const MappedLayer& layer : chip) {
      const double moved =
          std::accumulate(layer.energy.by_operand.begin(), layer.energy.by_operand.end(), 0.0);
      EXPECT_NEAR(moved + layer.energy.by_place[0], layer.energy.total(), 1e-9 * layer.energy.total());
      EXPECT_NEAR(layer.value, layer.energy.total(), 1e-9 * layer.value);
      EXPECT_GE(layer.value, layer.value_bound * (1 - 1e-12));
    }
  }
}

TEST(MapNetwork, ThreadsChangeNothingAndEqualProblemsHaveOneAnswer) {
  const auto layers = small_layers();
  const auto chips = all_chips();
  const auto one = map_layers(layers, chips, {.threads = 1}, {});
  const auto many = map_layers(layers, chips, {.threads = 4}, {});
  for (size_t c = 0; c < chips.size(); ++c) {
    EXPECT_EQ(one[c][0].mapping, one[c][2].mapping);
    for (size_t l = 0; l < layers.size(); ++l) EXPECT_EQ(one[c][l].mapping, many[c][l].mapping);
  }
}

TEST(MapNetwork, ASavedMappingCountsTheSameWhenItIsReadAgain) {
  const auto layers = small_layers();
  for (const ArrayChip& chip : all_chips()) {
    const auto found = map_layers(layers, {chip}, {}, {})[0];
    MappingFile file{2, {}};
    for (size_t l = 0; l < layers.size(); ++l)
      file.mappings.push_back({layers[l].name, "", found[l].mapping});
    const Config config = Config::from_text(to_yaml(file), "saved.yaml");
    const MappingFile again = read_mappings(config);
    config.finish();
    const auto counted = map_layers(layers, {chip}, {.given = &again}, {})[0];
    for (size_t l = 0; l < layers.size(); ++l) {
      EXPECT_EQ(counted[l].counts, found[l].counts) << chip.name;
      EXPECT_FALSE(counted[l].is_searched);
    }
  }
}

std::string fault_with(const std::string& text) {
  try {
    const Config config = Config::from_text(text, "m.yaml");
    const MappingFile file = read_mappings(config);
    config.finish();
    map_layers(small_layers(), {load_array_chip("rs")}, {.given = &file}, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MapNetwork, FaultsOfAnEditedMappingSayWhereAndWhat) {
  EXPECT_THAT(fault_with("batch: 2\nmappings:\n  - {layer: a, dram: [K stop 2]}\n"),
              HasSubstr("m.yaml:3:16: 'K stop 2' is no loop; as 'K step 4'"));
  EXPECT_THAT(fault_with("batch: 2\nmappings:\n  - {layer: aa}\n"),
              HasSubstr("no layer to map is called 'aa'"));
  EXPECT_THAT(fault_with("batch: 2\nmappings:\n  - {layer: a, dram: [K step 9]}\n"),
              HasSubstr("steps by 9 over a tile of 8"));
  EXPECT_THAT(fault_with("batch: 2\nmappings:\n  - {layer: a}\n"), HasSubstr("do not fit into the"));
  EXPECT_THAT(
      fault_with("batch: 2\nmappings:\n  - {layer: a, array: [P step 1 over rows, P step 1 over rows]}\n"),
      HasSubstr("P loops twice"));
}

TEST(MapNetwork, ALayerThatFitsInNoWayIsNamed) {
  ArrayChip chip = load_array_chip("rs", {"buffer.capacity=4 B"});
  try {
    map_layers(small_layers(), {chip}, {}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a: fits onto 'rs' in no way"));
  }
}

}  // namespace
}  // namespace deltahop
