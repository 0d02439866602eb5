// SPDX-License-Identifier: Apache-2.0
// NullHop against what was published of it, from seeded synthetic traces: VGG-19 and VGG-16 by their shapes,
// no weights. The density is a figure derived from the published efficiency, so the two are a check of
// consistency.
#include <gtest/gtest.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/random.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace {

struct Convolution {
  int64_t in_channels, out_channels, size;
  bool pooled;
};

// The 3x3 layers of configurations D and E of VGG [Simonyan2015]: `deep` repeats the wide layers once more.
std::vector<Convolution> vgg_layers(bool deep) {
  std::vector<Convolution> layers;
  int64_t channels = 3, size = 224;
  const int repeats[] = {2, 2, deep ? 4 : 3, deep ? 4 : 3, deep ? 4 : 3};
  const int64_t widths[] = {64, 128, 256, 512, 512};
  for (int block = 0; block < 5; ++block, size /= 2) {
    for (int i = 0; i < repeats[block]; ++i, channels = widths[block]) {
      layers.push_back({i == 0 ? channels : widths[block], widths[block], size, i + 1 == repeats[block]});
    }
  }
  return layers;
}

FusedWorkload workload_of(const Convolution& layer, int64_t pad) {
  FusedWorkload fused;
  ConvolutionShape& shape = fused.workload.shape;
  shape.in_channels = layer.in_channels;
  shape.out_channels = layer.out_channels;
  shape.in_rows = shape.in_columns = layer.size;
  shape.kernel_rows = shape.kernel_columns = 3;
  shape.pad_top = shape.pad_left = pad;
  shape.out_rows = shape.out_columns = layer.size + 2 * pad - 2;
  fused.relu = true;
  if (layer.pooled) fused.pooling = Pooling{};
  return fused;
}

Stats simulate_synthetic(const Accelerator& chip, const FusedWorkload& fused, double density,
                         Random& random) {
  const ConvolutionShape& shape = fused.workload.shape;
  Tensor input = Tensor::zeros(DataType::int16, {1, shape.in_channels, shape.in_rows, shape.in_columns});
  for (int16_t& pixel : input.values<int16_t>()) pixel = random.chance(density) ? 1 : 0;
  LayerTrace trace;
  trace.name = to_text(fused.workload);
  trace.workload = fused;
  trace.input = &input;
  return chip.simulate(trace);
}

// The density of pixels at which `wanted` of all dense operations are done: those in the padding never are.
double pixel_density(const std::vector<Convolution>& layers, double wanted) {
  double dense = 0, inside = 0;
  for (const Convolution& layer : layers) {
    const auto size = static_cast<double>(layer.size);
    const double channels = static_cast<double>(layer.in_channels * layer.out_channels);
    dense += channels * 9 * size * size;
    inside += channels * (3 * size - 2) * (3 * size - 2);
  }
  return wanted * dense / inside;
}

Stats simulate_vgg19(const std::vector<std::string>& settings) {
  const auto chip = make_accelerator("nullhop", settings);
  const std::vector<Convolution> layers = vgg_layers(true);
  const double density = pixel_density(layers, 0.266);
  Random random(1);
  Stats stats;
  for (const Convolution& layer : layers)
    stats += simulate_synthetic(*chip, workload_of(layer, 1), density, random);
  EXPECT_NEAR(static_cast<double>(stats.macs_done) / static_cast<double>(stats.dense_macs()), 0.266, 0.001);
  return stats;
}

double efficiency(const Stats& stats) {
  return static_cast<double>(stats.dense_macs()) / 128 / static_cast<double>(stats.cycles().number());
}

TEST(NullhopPublished, ADenseLayerOf128ChannelsKeeps128MacsBusyWithinTwoPercent) {
  const auto chip = make_accelerator("nullhop", {});
  Random random(1);
  const FusedWorkload fused = workload_of({128, 128, 112, false}, 1);
  const Stats stats = simulate_synthetic(*chip, fused, 1, random);
  const auto compute = static_cast<double>(stats.cycles(Phase::compute).number());
  EXPECT_NEAR(static_cast<double>(stats.macs_done) / compute, 128, 128 * 0.02) << "borders take no cycle";
  EXPECT_EQ(stats.cycles(Phase::kernel_load).number(), 128 * 128 * 9 / 2) << "listed apart";
}

TEST(NullhopPublished, Vgg19WithOverlappedKernelsReaches368PercentAnd471GopsWithinThreePercent) {
  const Stats stats = simulate_vgg19({"kernel_memory.load=overlapped"});
  EXPECT_EQ(stats.dense_macs(), 19508428800);
  const double gops = efficiency(stats) * 128;  // 128 MACs at 500 MHz are 128 GOp/s
  RecordProperty("efficiency_percent", static_cast<int>(efficiency(stats) * 100));
  EXPECT_NEAR(efficiency(stats), 3.68, 3.68 * 0.03);
  EXPECT_NEAR(gops, 471, 471 * 0.03);
  EXPECT_GT(gops, 450) << "the abstract's bound";
  EXPECT_GT(
      static_cast<double>(stats.macs_done) / 128 / static_cast<double>(stats.cycles(Phase::compute).number()),
      0.98)
      << "the published utilisation of the MACs";
}

TEST(NullhopPublished, Vgg19WithSerialKernelsIsSlowerByItsKernelLoad) {
  const Stats serial = simulate_vgg19({});
  const Stats hidden = simulate_vgg19({"kernel_memory.load=overlapped"});
  EXPECT_EQ((serial.cycles() - serial.cycles(Phase::kernel_load)).number(),
            (hidden.cycles() - hidden.cycles(Phase::kernel_load)).number());
  EXPECT_EQ(serial.cycles(Phase::kernel_load).number() * 2 * 16,
            serial.at(MemoryLevel::dram, DataKind::weight).read.number());
}

// Core at the published 3 TOp/s/W, DRAM at the cost per bit of the model of the Eyeriss chip [Gao2017].
TEST(NullhopPublished, Vgg19WithDramReachesAboutOnePointFiveTeraOperationsPerWatt) {
  const Stats stats = simulate_vgg19({"kernel_memory.load=overlapped"});
  const Traffic dram = stats.at(MemoryLevel::dram);
  const double operations = 2 * static_cast<double>(stats.dense_macs());
  const auto with_dram = [&](double cost_pJ_per_bit) {
    return operations /
           (operations / 3.0 + cost_pJ_per_bit * static_cast<double>((dram.read + dram.written).number()));
  };
  EXPECT_NEAR(with_dram(28.75), 1.5, 0.15);
  EXPECT_GT(with_dram(13.5), 2.0);
  EXPECT_LT(with_dram(70), 1.0);
}

TEST(NullhopPublished, Vgg16IsCutIntoThePassesOfTheDriver) {
  const auto chip = make_accelerator("nullhop", {});
  const int64_t expected[] = {1, 1, 1, 1, 2, 2, 2, 4, 8, 8, 8, 8, 8};
  const std::vector<Convolution> layers = vgg_layers(false);
  ASSERT_EQ(layers.size(), std::size(expected));
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto figures = chip->mapping_figures(workload_of(layers[i], 1));
    EXPECT_EQ(figures.at(2).first, "passes");
    EXPECT_EQ(figures.at(2).second, static_cast<double>(expected[i])) << "layer " << i;
  }
}

TEST(NullhopPublished, PeakThroughputAndAreaAreTheAbstracts) {
  const Architecture chip = make_accelerator("nullhop", {})->architecture();
  EXPECT_DOUBLE_EQ(2e-9 * static_cast<double>(chip.multipliers) * chip.clock.number(), 128);
  EXPECT_DOUBLE_EQ(chip.core_area.number(), 6.3);
}

}  // namespace
}  // namespace deltahop
