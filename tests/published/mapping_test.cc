// SPDX-License-Identifier: Apache-2.0
// AlexNet on 256 elements, 16 pictures: the energies by place of row stationary [Chen2016], what [Sze2017]
// says of the other dataflows, and of DRAM accesses.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>

#include "deltahop/io/load.h"
#include "deltahop/mapping/map_network.h"

namespace deltahop {
namespace {

std::vector<LayerToMap> alexnet(int64_t batch) { return layers_to_map(load_network("alexnet"), batch); }

double sum_of(const std::vector<LayerToMap>& layers, const std::function<double(const Problem&)>& of) {
  double sum = 0;
  for (const LayerToMap& layer : layers) sum += of(layer.problem);
  return sum;
}

double words_of(const Problem& problem, Operand operand) {
  return static_cast<double>(problem.elements(operand));
}

// Every multiplication reads a weight, an input and a sum, and writes the sum.
TEST(Mapping, without_reuse_alexnet_would_touch_dram_2896_million_times) {
  const double accesses = sum_of(alexnet(1), [](const Problem& problem) { return 4.0 * problem.macs(); });
  EXPECT_NEAR(accesses * 1e-6, 2896, 2);  // [Sze2017]: 4 x 724 M
}

// What must be read when everything is used again; nothing that is computed goes to DRAM.
TEST(Mapping, with_all_reuse_alexnet_reads_61_million_words) {
  const std::vector<LayerToMap> layers = alexnet(1);
  const double weights =
      sum_of(layers, [](const Problem& problem) { return words_of(problem, Operand::weight); });
  const double picture = words_of(layers.front().problem, Operand::input);
  const double result = words_of(layers.back().problem, Operand::output);
  EXPECT_NEAR((weights + picture + result) * 1e-6, 61, 0.5);
}

// A buffer that holds the largest layer: the mapper itself moves each word once, so its count is that sum.
TEST(Mapping, the_mapper_reaches_all_reuse_where_the_buffer_is_large_enough) {
  const std::vector<LayerToMap> layers = alexnet(1);
  const ArrayChip chip = load_array_chip("rs", {"buffer.capacity=128MiB"});
  const std::vector<MappedLayer> mapped = map_layers(layers, {chip}, {}, {}).at(0);
  for (size_t l = 0; l < layers.size(); ++l) {
    double moved = 0, once = 0;
    for (const Operand operand : kAllOperands) {
      moved += static_cast<double>(mapped[l].counts.levels[0][index_of(operand)].total());
      once += words_of(layers[l].problem, operand);
    }
    EXPECT_EQ(moved, once) << layers[l].name;
  }
}

TEST(Mapping, convolutions_of_alexnet_can_read_500_times_less) {
  double most = 0, least = 0;
  for (const LayerToMap& layer : alexnet(1)) {
    if (!layer.is_convolution) continue;
    most += 2.0 * static_cast<double>(layer.problem.macs());  // weights and inputs
    least += words_of(layer.problem, Operand::weight) + words_of(layer.problem, Operand::input);
  }
  EXPECT_NEAR(most / least, 500, 50);  // [Sze2017]: up to 500 times
}

// 1e9 energies of a MAC, by the program of [Gao2017], within the 0.1 that it asks of itself.
struct PublishedLayer {
  double alu, dram, rf;
};
const std::map<std::string, PublishedLayer>& published_layers() {
  static const std::map<std::string, PublishedLayer> layers = {
      {"conv1", {1.69, 2.46, 6.75}}, {"conv2", {3.58, 2.27, 14.33}}, {"conv3", {2.39, 2.02, 9.57}},
      {"conv4", {1.79, 1.57, 7.18}}, {"conv5", {1.20, 1.05, 4.78}},  {"fc6", {0.60, 7.78, 2.42}},
      {"fc7", {0.27, 3.39, 1.07}},   {"fc8", {0.07, 0.84, 0.26}}};
  return layers;
}

MappingFile published_mappings() {
  const Config config = Config::from_file(std::filesystem::path(DELTAHOP_SOURCE_DIR) / "docs" / "mappings" /
                                          "chen2016_alexnet.yaml");
  MappingFile file = read_mappings(config);
  config.finish();
  return file;
}

double spent(const MappedLayer& layer, EnergyPlace place) {
  return 1e-9 * layer.energy.by_place[static_cast<size_t>(place)];
}

// The source counts four accesses of the register files for each multiplication. Ours also counts each weight
// and input that is brought into a file, and each sum that comes back twice, as it must leave again.
double spent_on_multiplications(const MappedLayer& layer) {
  double brought = 0;
  for (const Operand operand : kAllOperands) {
    for (const Transfer& transfer : layer.counts.transfers[index_of(operand)]) {
      if (transfer.inner == 2)
        brought += static_cast<double>(transfer.down_copies) * (operand == Operand::output ? 2 : 1);
    }
  }
  return spent(layer, EnergyPlace::element) - 1e-9 * brought;
}

TEST(Mapping, the_published_schedules_of_row_stationary_cost_what_is_published) {
  const MappingFile file = published_mappings();
  const std::vector<LayerToMap> layers = alexnet(file.batch);
  const auto mapped = map_layers(layers, {load_array_chip("rs")}, {.given = &file}, {}).at(0);
  for (size_t l = 0; l < layers.size(); ++l) {
    const PublishedLayer& published = published_layers().at(layers[l].name);
    ASSERT_FALSE(mapped[l].is_searched) << layers[l].name;
    EXPECT_NEAR(spent(mapped[l], EnergyPlace::alu), published.alu, 0.1) << layers[l].name;
    EXPECT_NEAR(spent(mapped[l], EnergyPlace::dram), published.dram, 0.1) << layers[l].name;
    EXPECT_NEAR(spent_on_multiplications(mapped[l]), published.rf, 0.1) << layers[l].name;
  }
}

TEST(Mapping, the_best_mappings_of_row_stationary_cost_no_more_than_the_published_ones) {
  const MappingFile file = published_mappings();
  const std::vector<LayerToMap> layers = alexnet(file.batch);
  const ArrayChip chip = load_array_chip("rs");
  const auto given = map_layers(layers, {chip}, {.given = &file}, {}).at(0);
  const auto best = map_layers(layers, {chip}, {}, {}).at(0);
  for (size_t l = 0; l < layers.size(); ++l) {
    EXPECT_LE(best[l].energy.total(), given[l].energy.total()) << layers[l].name;
    EXPECT_NEAR(spent_on_multiplications(best[l]), published_layers().at(layers[l].name).rf, 0.1)
        << layers[l].name;
  }
}

// [Sze2017] figures 33 and 34, read as statements: each dataflow is best at what it is named for.
class SixDataflows : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::vector<LayerToMap> layers = alexnet(16);
    std::vector<ArrayChip> chips;
    for (const std::string& name : array_chip_names()) chips.push_back(load_array_chip(name));
    const auto mapped = map_layers(layers, chips, {}, {});
    for (size_t c = 0; c < chips.size(); ++c) {
      for (size_t l = 0; l < layers.size(); ++l)
        (layers[l].is_convolution ? convolutions : products)[chips[c].name].add(mapped[c][l].energy, 1);
    }
  }
  static std::string best_at(const std::function<double(const EnergyShares&)>& energy) {
    std::string best;
    for (const auto& [name, shares] : convolutions) {
      if (best.empty() || energy(shares) < energy(convolutions.at(best))) best = name;
    }
    return best;
  }
  static std::map<std::string, EnergyShares> convolutions, products;  // by dataflow
};
std::map<std::string, EnergyShares> SixDataflows::convolutions, SixDataflows::products;

TEST_F(SixDataflows, weight_stationary_spends_least_on_weights) {
  EXPECT_EQ(best_at([](const EnergyShares& s) { return s.by_operand[index_of(Operand::weight)]; }), "ws");
}

TEST_F(SixDataflows, output_stationary_spends_least_on_sums) {
  const auto sums = [](const EnergyShares& s) { return s.by_operand[index_of(Operand::output)]; };
  for (const char* output_stationary : {"os_a", "os_b", "os_c"}) {
    for (const char* other : {"rs", "ws", "nlr"})
      EXPECT_LT(sums(convolutions.at(output_stationary)), sums(convolutions.at(other))) << other;
  }
}

TEST_F(SixDataflows, no_local_reuse_spends_least_on_dram) {
  EXPECT_EQ(best_at([](const EnergyShares& s) { return s.by_place[static_cast<size_t>(EnergyPlace::dram)]; }),
            "nlr");
}

TEST_F(SixDataflows, row_stationary_spends_least_in_all_and_most_of_it_in_register_files) {
  EXPECT_EQ(best_at([](const EnergyShares& s) { return s.total(); }), "rs");
  const EnergyShares& rs = convolutions.at("rs");
  EXPECT_GT(rs.by_place[static_cast<size_t>(EnergyPlace::element)], 0.5 * rs.total());
  for (const auto& [name, shares] : products) EXPECT_LE(products.at("rs").total(), shares.total()) << name;
}

TEST_F(SixDataflows, output_stationary_by_channels_suits_products_better_than_by_positions) {
  EXPECT_LT(products.at("os_c").total(), products.at("os_a").total());
}

}  // namespace
}  // namespace deltahop
