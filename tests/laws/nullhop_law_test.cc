// SPDX-License-Identifier: Apache-2.0
// NullHop's books over many random layers: the fast path equals the ticking model in every count, both
// outputs equal the plain loop nest's, operations done and skipped add up to the dense ones, and no layer
// beats the roofline.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "deltahop/accelerators/nullhop/fast_path.h"
#include "deltahop/accelerators/nullhop/nullhop.h"
#include "deltahop/accelerators/nullhop/stored_map.h"
#include "deltahop/accelerators/nullhop/ticking.h"
#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"
#include "tests/laws/traced_layer.h"

namespace deltahop {
namespace {

using nullhop::Nullhop;
using nullhop::NullhopConfig;

NullhopConfig config_with(const std::vector<std::string>& settings) {
  const auto chip = make_accelerator("nullhop", settings);
  return dynamic_cast<const Nullhop&>(*chip).config();
}

Tensor random_codes(Random& random, Shape shape, double density, int64_t largest) {
  Tensor codes = Tensor::zeros(DataType::int16, std::move(shape));
  for (int16_t& value : codes.values<int16_t>()) {
    if (!random.chance(density)) continue;
    do value = static_cast<int16_t>(random.integer(-largest - 1, largest));
    while (value == 0);
  }
  return codes;
}

// The whole stage by plain loops: the chip's rules, written a second time.
Tensor reference_output(const TracedLayer& layer, int shift) {
  const ConvolutionShape& shape = layer.workload.workload.shape;
  std::vector<int64_t> sums(static_cast<size_t>(shape.out_channels * shape.out_rows * shape.out_columns));
  convolve_reference<int16_t, int64_t>(shape, layer.input.values<int16_t>(), layer.weights.values<int16_t>(),
                                       layer.bias.values<int64_t>(), sums);
  const auto word = [&](int64_t k, int64_t p, int64_t q) {
    const int64_t sum = sums[static_cast<size_t>((k * shape.out_rows + p) * shape.out_columns + q)];
    const int64_t shifted = sum >> shift;
    const int64_t value = std::min<int64_t>(32767, std::max<int64_t>(-32768, shifted));
    return layer.workload.relu && value < 0 ? 0 : value;
  };
  const bool pooled = layer.workload.pooling.has_value();
  const int64_t rows = pooled ? shape.out_rows / 2 : shape.out_rows;
  const int64_t columns = pooled ? shape.out_columns / 2 : shape.out_columns;
  Tensor output(DataType::int16, {1, shape.out_channels, rows, columns});
  int16_t* out = output.values<int16_t>().data();
  for (int64_t k = 0; k < shape.out_channels; ++k) {
    for (int64_t p = 0; p < rows; ++p) {
      for (int64_t q = 0; q < columns; ++q) {
        const int64_t value = pooled ? std::max({word(k, 2 * p, 2 * q), word(k, 2 * p, 2 * q + 1),
                                                 word(k, 2 * p + 1, 2 * q), word(k, 2 * p + 1, 2 * q + 1)})
                                     : word(k, p, q);
        *out++ = static_cast<int16_t>(value);
      }
    }
  }
  return output;
}

int64_t out_size(int64_t in, int64_t pad_before, int64_t pad_after, int64_t kernel, int64_t stride) {
  return (in + pad_before + pad_after - kernel) / stride + 1;
}

ConvolutionShape random_shape(Random& random, bool extended) {
  ConvolutionShape shape;
  shape.groups = extended && random.chance(0.3) ? random.integer(2, 3) : 1;
  shape.in_channels = shape.groups * (random.chance(0.2) ? 1 : random.integer(1, 40));
  static constexpr int64_t kOutputs[] = {16, 17, 24, 32, 40, 64, 100, 128, 130, 200};
  shape.out_channels =
      shape.groups * (random.chance(0.15) ? random.integer(1, 15) : kOutputs[random.integer(0, 9)]);
  shape.kernel_rows = shape.kernel_columns = random.integer(1, 5);
  if (extended && random.chance(0.4)) shape.kernel_columns = random.integer(1, 5);
  if (extended && random.chance(0.6)) shape.stride_rows = random.integer(1, 3);
  if (extended && random.chance(0.6)) shape.stride_columns = random.integer(1, 3);
  shape.in_rows = random.integer(1, 11);
  shape.in_columns = random.integer(1, 12);
  shape.pad_top = random.integer(0, shape.kernel_rows);
  shape.pad_left = random.integer(0, shape.kernel_columns);
  const int64_t bottom =
      std::max(random.integer(0, shape.kernel_rows), shape.kernel_rows - shape.in_rows - shape.pad_top);
  const int64_t right = std::max(random.integer(0, shape.kernel_columns),
                                 shape.kernel_columns - shape.in_columns - shape.pad_left);
  shape.out_rows = out_size(shape.in_rows, shape.pad_top, bottom, shape.kernel_rows, shape.stride_rows);
  shape.out_columns =
      out_size(shape.in_columns, shape.pad_left, right, shape.kernel_columns, shape.stride_columns);
  return shape;
}

TracedLayer random_layer(Random& random, bool extended) {
  TracedLayer layer;
  ConvolutionShape& shape = layer.workload.workload.shape;
  shape = random_shape(random, extended);
  layer.workload.relu = random.chance(0.7);
  if (random.chance(0.5) && shape.out_rows >= 2 && shape.out_columns >= 2) layer.workload.pooling = Pooling{};
  static constexpr double kDensities[] = {0, 0.03, 0.2, 0.27, 0.5, 0.8, 1};
  const int64_t largest = random.chance(0.2) ? 32767 : 300;
  layer.input = random_codes(random, {1, shape.in_channels, shape.in_rows, shape.in_columns},
                             kDensities[random.integer(0, 6)], largest);
  layer.weights =
      random_codes(random,
                   {shape.out_channels, shape.kernel_size() / (shape.kernel_rows * shape.kernel_columns),
                    shape.kernel_rows, shape.kernel_columns},
                   0.9, largest);
  layer.bias = Tensor::zeros(DataType::int64, {shape.out_channels});
  for (int64_t& bias : layer.bias.values<int64_t>()) bias = random.integer(-30000, 30000);
  layer.output = reference_output(layer, 8);
  return layer;
}

// Settings that bend every rule of the timing.
std::vector<std::string> random_settings(Random& random, bool extended) {
  std::vector<std::string> settings = {
      fmt::format("run_ahead_columns={}", random.integer(0, 3)),
      fmt::format("stripe_rows={}", random.chance(0.8) ? 2 : 4),
      fmt::format("pooling_unit.waiting_columns={}", random.integer(1, 3)),
      fmt::format("pooling_unit.pixels_per_cycle={}", random.chance(0.3) ? 0 : random.integer(1, 40)),
      fmt::format("input_memory.pixels_per_manager_cycle={}", random.integer(0, 2)),
      fmt::format("port.payload_bits_per_cycle={}", random.integer(1, 64)),
      fmt::format("input_memory.load={}", random.chance(0.5) ? "serial" : "overlapped"),
      fmt::format("kernel_memory.load={}", random.chance(0.5) ? "serial" : "overlapped"),
      fmt::format("kernel_memory.words_per_mac={}", random.chance(0.5) ? 4096 : 150),
      random.chance(0.3) ? "input_memory.compression=when_smaller" : "input_memory.compression=always"};
  if (random.chance(0.4))
    settings.push_back(fmt::format("input_memory.capacity={} bit", random.integer(20000, 90000)));
  if (extended) {
    for (const char* name : {"stride", "rectangular_kernels", "groups"})
      settings.push_back(fmt::format("extensions.{}=true", name));
  }
  return settings;
}

void expect_equal(const Stats& fast, const Stats& truth) {
  for (size_t i = 0; i < kPhases; ++i) {
    EXPECT_EQ(fast.cycles_by_phase[i].number(), truth.cycles_by_phase[i].number())
        << name_of(static_cast<Phase>(i));
  }
  EXPECT_EQ(fast.macs_done, truth.macs_done);
  EXPECT_EQ(fast.macs_skipped_zero_input, truth.macs_skipped_zero_input);
  EXPECT_EQ(fast.macs_skipped_padding, truth.macs_skipped_padding);
  EXPECT_EQ(fast.mac_slots_idle, truth.mac_slots_idle);
  for (size_t level = 0; level < kMemoryLevels; ++level) {
    for (size_t kind = 0; kind < kDataKinds; ++kind) {
      const Traffic& a = fast.traffic[level][kind];
      const Traffic& b = truth.traffic[level][kind];
      const std::string what = fmt::format("{} {}", name_of(static_cast<MemoryLevel>(level)),
                                           name_of(static_cast<DataKind>(kind)));
      EXPECT_EQ(a.read.number(), b.read.number()) << what << " read";
      EXPECT_EQ(a.written.number(), b.written.number()) << what << " written";
    }
  }
}

void expect_books_balance(const NullhopConfig& chip, const TracedLayer& layer, const Stats& stats) {
  EXPECT_EQ(stats.dense_macs(), layer.workload.workload.macs());
  EXPECT_GE(stats.macs_skipped_zero_input, 0);
  EXPECT_GE(stats.mac_slots_idle, 0);
  EXPECT_EQ(chip.macs * stats.cycles(Phase::compute).number(), stats.macs_done + stats.mac_slots_idle);
  // Roofline: neither the multipliers nor the port can be faster.
  EXPECT_GE(stats.cycles().number() * chip.macs, stats.macs_done);
  EXPECT_GE(stats.cycles().number() * chip.port_bits_per_cycle, stats.at(MemoryLevel::dram).read.number());
  EXPECT_GE(stats.cycles().number() * chip.port_bits_per_cycle, stats.at(MemoryLevel::dram).written.number());
}

void run_many(uint64_t seed, int layers, bool extended, std::array<int, 4>& seen) {
  Random random(seed);
  for (int i = 0; i < layers; ++i) {
    const NullhopConfig chip = config_with(random_settings(random, extended));
    const TracedLayer layer = random_layer(random, extended);
    const Nullhop model(chip);
    if (model.supports(layer.workload).placement == Placement::host) continue;
    SCOPED_TRACE(fmt::format("seed {} layer {}: {}", seed, i, to_text(layer.workload.workload)));
    const LayerTrace trace = layer.trace();
    Tensor ticked;
    const Stats truth = simulate_ticking(chip, trace, &ticked);
    expect_equal(model.simulate(trace), truth);
    EXPECT_EQ(ticked, layer.output) << "ticking model's output";
    EXPECT_EQ(model.compute(trace), layer.output) << "computed output";
    expect_books_balance(chip, layer, truth);
    const auto mapping = plan_layer(chip, layer.workload).plan->mapping;
    ++seen[static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(mapping.macs_per_channel)))];
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(NullhopLaw, FastPathTickingModelAndLoopNestAgreeOnHundredsOfLayersOfThePublishedChip) {
  std::array<int, 4> seen{};
  run_many(1, 400, false, seen);
  for (const int layers : seen) EXPECT_GE(layers, 20) << "every number of MACs a channel must occur";
}

TEST(NullhopLaw, FastPathTickingModelAndLoopNestAgreeOnStridesGroupsAndRectangles) {
  std::array<int, 4> seen{};
  run_many(2, 300, true, seen);
  EXPECT_GE(seen[0] + seen[1] + seen[2] + seen[3], 200);
}

TEST(NullhopLaw, WithoutWeightsAndOutputBothModelsSpreadTheUnknownOutputAlike) {
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    const NullhopConfig chip = config_with(random_settings(random, false));
    const TracedLayer layer = random_layer(random, false);
    const Nullhop model(chip);
    if (model.supports(layer.workload).placement == Placement::host) continue;
    LayerTrace trace = layer.trace();
    trace.weights = nullptr;
    trace.bias = nullptr;
    if (i % 2 == 0) trace.output = nullptr;
    const Stats truth = simulate_ticking(chip, trace);
    expect_equal(model.simulate(trace), truth);
    expect_books_balance(chip, layer, truth);
  }
}

}  // namespace
}  // namespace deltahop
