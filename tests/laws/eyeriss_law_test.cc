// SPDX-License-Identifier: Apache-2.0
// Eyeriss's books over many random layers: the closed forms equal the walk through every element in every
// count, both outputs equal the plain loop nest's, operations add up to the dense ones, and no layer beats
// the roofline.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "deltahop/accelerators/eyeriss/account.h"
#include "deltahop/accelerators/eyeriss/eyeriss.h"
#include "deltahop/accelerators/eyeriss/walking.h"
#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "tests/laws/traced_layer.h"

namespace deltahop {
namespace {

using eyeriss::Eyeriss;
using eyeriss::LayerPlan;

Tensor random_codes(Random& random, Shape shape, double density, int64_t largest) {
  Tensor codes = Tensor::zeros(DataType::int16, std::move(shape));
  for (int16_t& value : codes.values<int16_t>()) {
    if (random.chance(density)) value = static_cast<int16_t>(random.integer(-largest - 1, largest));
  }
  return codes;
}

// The chip's rules, written a second time over the plain loop nest.
Tensor reference_output(const TracedLayer& layer) {
  const ConvolutionShape& shape = layer.workload.workload.shape;
  Tensor output(DataType::int16, {shape.batch, shape.out_channels, shape.out_rows, shape.out_columns});
  std::vector<int64_t> sums(static_cast<size_t>(output.size()));
  convolve_reference<int16_t, int64_t>(shape, layer.input.values<int16_t>(), layer.weights.values<int16_t>(),
                                       layer.bias.values<int64_t>(), sums);
  std::transform(sums.begin(), sums.end(), output.values<int16_t>().begin(), [&](int64_t sum) {
    const int64_t value = std::min<int64_t>(32767, std::max<int64_t>(-32768, sum >> 8));
    return static_cast<int16_t>(layer.workload.relu && value < 0 ? 0 : value);
  });
  return output;
}

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape shape;
  shape.batch = random.chance(0.5) ? 1 : random.integer(2, 6);
  shape.groups = random.chance(0.3) ? random.integer(2, 3) : 1;
  shape.in_channels = shape.groups * random.integer(1, 9);
  shape.out_channels = shape.groups * random.integer(1, 12);
  shape.kernel_rows = random.chance(0.15) ? random.integer(6, 11) : random.integer(1, 5);
  shape.kernel_columns = random.chance(0.8) ? shape.kernel_rows : random.integer(1, 11);
  shape.stride_rows = int64_t{1} << random.integer(0, 2);
  shape.stride_columns = random.chance(0.7) ? shape.stride_rows : random.integer(1, 5);
  shape.out_rows = random.chance(0.2) ? random.integer(15, 30) : random.integer(1, 9);
  shape.out_columns = random.integer(1, 9);
  shape.pad_top = random.integer(0, shape.kernel_rows - 1);
  shape.pad_left = random.integer(0, shape.kernel_columns - 1);
  // Some rows and columns may be padding below and to the right, some may be left over.
  const auto extent = [&](int64_t outputs, int64_t kernel, int64_t stride, int64_t pad) {
    const int64_t reached = (outputs - 1) * stride + kernel;
    return std::max<int64_t>(1,
                             reached - pad - random.integer(0, kernel - 1) + random.integer(0, stride - 1));
  };
  shape.in_rows = extent(shape.out_rows, shape.kernel_rows, shape.stride_rows, shape.pad_top);
  shape.in_columns = extent(shape.out_columns, shape.kernel_columns, shape.stride_columns, shape.pad_left);
  return shape;
}

TracedLayer random_layer(Random& random) {
  TracedLayer layer;
  layer.workload.workload.shape = random_shape(random);
  const ConvolutionShape& shape = layer.workload.workload.shape;
  layer.workload.relu = random.chance(0.7);
  static constexpr double kDensities[] = {0, 0.03, 0.2, 0.5, 1};
  const int64_t largest = random.chance(0.2) ? 32767 : 300;
  layer.input = random_codes(random, {shape.batch, shape.in_channels, shape.in_rows, shape.in_columns},
                             kDensities[random.integer(0, 4)], largest);
  layer.weights = random_codes(
      random, {shape.out_channels, shape.in_channels_per_group(), shape.kernel_rows, shape.kernel_columns},
      0.9, largest);
  layer.bias = Tensor::zeros(DataType::int64, {shape.out_channels});
  for (int64_t& bias : layer.bias.values<int64_t>()) bias = random.integer(-30000, 30000);
  layer.output = reference_output(layer);
  return layer;
}

std::vector<std::string> random_settings(Random& random) {
  return {fmt::format("batch={}", random.integer(1, 4)),
          fmt::format("buses.input={}", random.integer(1, 4)),
          fmt::format("buses.filter={}", random.integer(1, 6)),
          fmt::format("buses.sum={}", random.integer(1, 6)),
          fmt::format("link.width={} bit", 16 * random.integer(1, 8)),
          fmt::format("link.maps={}", random.chance(0.5) ? "exposed" : "hidden"),
          fmt::format("link.compression={}", random.chance(0.5) ? "when_smaller" : "always")};
}

// Any mapping that fits, good or bad: pieces that are left over along every dimension.
std::optional<eyeriss::Mapping> random_mapping(Random& random, const eyeriss::Array& array,
                                               const eyeriss::LayerShape& layer) {
  for (int attempt = 0; attempt < 2000; ++attempt) {
    eyeriss::Mapping mapping;
    mapping.m = random.integer(1, layer.filters);
    mapping.n = random.integer(1, layer.pictures);
    mapping.e = random.integer(1, layer.out_rows);
    mapping.p = random.integer(1, mapping.m);
    mapping.q = random.integer(1, layer.channels);
    mapping.r = random.integer(1, 4);
    mapping.t = random.integer(1, 4);
    if ((mapping.r - 1) * mapping.q >= layer.channels) continue;
    if (fits(array, layer, mapping)) return mapping;
  }
  return std::nullopt;
}

void expect_equal(const eyeriss::ArrayCounts& fast, const eyeriss::ArrayCounts& truth) {
  EXPECT_EQ(fast.compute_cycles, truth.compute_cycles);
  EXPECT_EQ(fast.filter_cycles, truth.filter_cycles);
  EXPECT_EQ(fast.window_cycles, truth.window_cycles);
  EXPECT_EQ(fast.bus_cycles, truth.bus_cycles);
  EXPECT_EQ(fast.link_cycles, truth.link_cycles);
  EXPECT_EQ(fast.inputs_sent, truth.inputs_sent);
  EXPECT_EQ(fast.inputs_taken, truth.inputs_taken);
  EXPECT_EQ(fast.filters_sent, truth.filters_sent);
  EXPECT_EQ(fast.filters_taken, truth.filters_taken);
  EXPECT_EQ(fast.sums_read, truth.sums_read);
  EXPECT_EQ(fast.sums_written, truth.sums_written);
  EXPECT_EQ(fast.sums_taken, truth.sums_taken);
  EXPECT_EQ(fast.macs_done, truth.macs_done);
  EXPECT_EQ(fast.macs_zero, truth.macs_zero);
  EXPECT_EQ(fast.macs_padding, truth.macs_padding);
}

void expect_books_balance(const eyeriss::EyerissConfig& chip, const LayerPlan& plan, const Stats& stats,
                          const TracedLayer& layer) {
  EXPECT_EQ(stats.dense_macs(), layer.workload.workload.macs());
  EXPECT_EQ(chip.array.elements() * stats.cycles(Phase::compute).number(),
            stats.macs_done + stats.mac_slots_idle);
  // Roofline: no element multiplies twice in a cycle, zeros included.
  EXPECT_GE(stats.cycles(Phase::compute).number() * active_elements(plan.layer, plan.mapping),
            stats.dense_macs());
  // What is sent is taken at least once; what elements read was written into them.
  EXPECT_GE(stats.at(MemoryLevel::array, DataKind::input).read,
            stats.at(MemoryLevel::global_buffer, DataKind::input).read);
  EXPECT_EQ(stats.at(MemoryLevel::array, DataKind::weight).read,
            stats.at(MemoryLevel::kernel_memory, DataKind::weight).written);
  EXPECT_EQ(stats.at(MemoryLevel::dram, DataKind::weight).read,
            stats.at(MemoryLevel::weight_memory, DataKind::weight).written);
}

TEST(EyerissLaw, ClosedFormsWalkAndLoopNestAgreeOnHundredsOfLayersUnderAnyMapping) {
  Random random(1);
  int folded = 0, beside = 0, stacked = 0, several = 0;
  for (int i = 0; i < 400; ++i) {
    const TracedLayer layer = random_layer(random);
    const auto made = make_accelerator("eyeriss", random_settings(random));
    const eyeriss::EyerissConfig& chip = dynamic_cast<const Eyeriss&>(*made).config();
    SCOPED_TRACE(fmt::format("layer {}: {}", i, to_text(layer.workload.workload)));
    const eyeriss::Planned planned = plan_layer(chip, layer.workload);
    ASSERT_TRUE(planned.plan) << planned.support.reason;
    LayerPlan plan = *planned.plan;
    const auto mapping = random_mapping(random, chip.array, plan.layer);
    if (mapping && random.chance(0.8)) plan.mapping = *mapping;
    const LayerTrace trace = layer.trace();
    const eyeriss::Walked walked = walk(chip, plan, trace);
    eyeriss::ArrayCounts counts = count_passes(plan.layer, plan.mapping, rates_of(chip));
    count_macs(plan, layer.input, counts);
    expect_equal(counts, walked.counts);
    EXPECT_EQ(walked.map, layer.output) << "walking model's output";
    EXPECT_EQ(stored_map(chip, plan, trace), layer.output) << "computed output";
    EXPECT_EQ(quick_map(chip, plan, trace), layer.output);
    expect_books_balance(chip, plan, book(chip, plan, counts, map_sizes(chip, plan, trace)), layer);
    folded += plan.mapping.e > chip.array.columns ? 1 : 0;
    beside += plan.mapping.t > 1 && plan.mapping.e <= chip.array.columns / 2 ? 1 : 0;
    stacked += plan.mapping.r > 1 ? 1 : 0;
    several += plan.mapping.n > 1 ? 1 : 0;
    if (::testing::Test::HasFailure()) return;
  }
  for (const int seen : {folded, beside, stacked, several}) EXPECT_GE(seen, 20);
}

TEST(EyerissLaw, TheWalkingModelIsTheSameChip) {
  Random random(2);
  for (int i = 0; i < 40; ++i) {
    const TracedLayer layer = random_layer(random);
    std::vector<std::string> settings = random_settings(random);
    const auto fast = make_accelerator("eyeriss", settings);
    settings.emplace_back("model=walking");
    const auto walking = make_accelerator("eyeriss", settings);
    LayerTrace trace = layer.trace();
    EXPECT_EQ(walking->compute(trace), fast->compute(trace));
    if (i % 2 == 0) trace.weights = nullptr;
    const Stats a = fast->simulate(trace), b = walking->simulate(trace);
    EXPECT_EQ(a.cycles(), b.cycles());
    EXPECT_EQ(a.macs_done, b.macs_done);
    for (size_t level = 0; level < kMemoryLevels; ++level) {
      const auto at = static_cast<MemoryLevel>(level);
      EXPECT_EQ(a.at(at).read, b.at(at).read) << name_of(at);
      EXPECT_EQ(a.at(at).written, b.at(at).written) << name_of(at);
    }
  }
}

// What goes over the link is the length of streams that decode to the maps.
TEST(EyerissLaw, MapsOffChipAreRealStreamsOrPlainWhereThatIsSmaller) {
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    const TracedLayer layer = random_layer(random);
    const auto chip = make_accelerator("eyeriss", {"batch=1"});
    const Stats stats = chip->simulate(layer.trace());
    const RunLength code = RunLength::encode(layer.output);
    EXPECT_EQ(code.decode(), layer.output);
    EXPECT_EQ(stats.at(MemoryLevel::dram, DataKind::output).written,
              std::min(code.size(), Bits(layer.output.size() * 16)));
  }
}

TEST(EyerissLaw, ABatchOfOnePictureRepeatedIsFourTimesItsShare) {
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    TracedLayer one = random_layer(random);
    one.workload.workload.shape.batch = 1;
    const ConvolutionShape& shape = one.workload.workload.shape;
    one.input = random_codes(random, {1, shape.in_channels, shape.in_rows, shape.in_columns}, 0.4, 99);
    one.output = reference_output(one);
    TracedLayer four = one;
    four.workload.workload.shape.batch = 4;
    const auto repeated = [](const Tensor& tensor) {
      Tensor all(DataType::int16, {4, tensor.dim(1), tensor.dim(2), tensor.dim(3)});
      for (int64_t n = 0; n < 4; ++n)
        std::copy_n(tensor.values<int16_t>().data(), tensor.size(),
                    all.values<int16_t>().data() + n * tensor.size());
      return all;
    };
    four.input = repeated(one.input);
    four.output = repeated(one.output);
    const auto chip = make_accelerator("eyeriss", {"batch=4", "link.compression=never"});
    const Stats share = chip->simulate(one.trace()), whole = chip->simulate(four.trace());
    EXPECT_EQ(4 * share.macs_done, whole.macs_done);
    for (size_t phase = 0; phase < kPhases; ++phase) {
      const int64_t rounding =
          4 * share.cycles_by_phase[phase].number() - whole.cycles_by_phase[phase].number();
      EXPECT_GE(rounding, 0);
      EXPECT_LT(rounding, 8) << name_of(static_cast<Phase>(phase));
    }
    const MemoryLevel levels[] = {MemoryLevel::dram, MemoryLevel::global_buffer, MemoryLevel::array};
    for (const MemoryLevel level : levels) {
      const int64_t rounding = 4 * share.at(level).read.number() - whole.at(level).read.number();
      EXPECT_GE(rounding, 0);
      EXPECT_LT(rounding, 4 * 3 * 16);
    }
  }
}

}  // namespace
}  // namespace deltahop
