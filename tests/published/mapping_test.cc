// SPDX-License-Identifier: Apache-2.0
// Row stationary on AlexNet with 256 elements, 16 pictures: the energies by place of [Chen2016], and what
// [Sze2017] says of its DRAM accesses.
#include <gtest/gtest.h>

#include "deltahop/io/load.h"
#include "deltahop/mapping/map_network.h"

namespace deltahop {
namespace {

std::vector<LayerToMap> alexnet(int64_t batch) { return layers_to_map(load_network("alexnet"), batch); }

TEST(Mapping, without_reuse_alexnet_would_touch_dram_2896_million_times) {
  int64_t macs = 0, weights = 0;
  for (const LayerToMap& layer : alexnet(1)) {
    macs += layer.problem.macs();
    weights += layer.problem.elements(Operand::weight);
  }
  EXPECT_NEAR(4e-6 * static_cast<double>(macs), 2896, 2);  // [Sze2017]: 4 x 724 M
  EXPECT_NEAR(1e-6 * static_cast<double>(weights), 61, 0.5);
}

// The optimum is never above the published schedule in what both count, within the 0.1e9 of the source.
TEST(Mapping, row_stationary_costs_no_more_than_the_published_schedule) {
  struct Published {
    const char* layer;
    double alu, dram, rf;  // 1e9 energies of a MAC
  };
  for (const Published& p : {Published{"conv1", 1.69, 2.46, 6.75}, Published{"conv2", 3.58, 2.27, 14.33}}) {
    std::vector<LayerToMap> layers = alexnet(16);
    std::erase_if(layers, [&](const LayerToMap& layer) { return layer.name != p.layer; });
    const MappedLayer found = map_layers(layers, {load_array_chip("rs")}, {}, {}).at(0).at(0);
    const auto spent = [&](EnergyPlace place) {
      return 1e-9 * found.energy.by_place[static_cast<size_t>(place)];
    };
    EXPECT_NEAR(spent(EnergyPlace::alu), p.alu, 0.01) << p.layer;
    EXPECT_NEAR(spent(EnergyPlace::element), p.rf, 0.1) << p.layer;
    EXPECT_GE(found.energy.by_place[static_cast<size_t>(EnergyPlace::element)],
              4.0 * static_cast<double>(found.counts.macs));
    EXPECT_LE(spent(EnergyPlace::dram), p.dram + 0.1) << p.layer;
  }
}

}  // namespace
}  // namespace deltahop
