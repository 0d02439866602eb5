// SPDX-License-Identifier: Apache-2.0
// Configuration, mapping, placement and bus of NullHop against the driver's formulas and hand-made cases.
// That the models agree with each other and with plain loops is in tests/laws/nullhop_law_test.cc.
#include "deltahop/accelerators/nullhop/nullhop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/accelerators/nullhop/bus.h"
#include "deltahop/accelerators/nullhop/ticking.h"
#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop::nullhop {
namespace {

using ::testing::HasSubstr;

NullhopConfig config_with(const std::vector<std::string>& settings = {}) {
  return dynamic_cast<const Nullhop&>(*make_accelerator("nullhop", settings)).config();
}

FusedWorkload convolution(int64_t in, int64_t out, int64_t kernel, int64_t size, int64_t pad = 0) {
  FusedWorkload fused;
  ConvolutionShape& shape = fused.workload.shape;
  shape.in_channels = in;
  shape.out_channels = out;
  shape.kernel_rows = shape.kernel_columns = kernel;
  shape.in_rows = shape.in_columns = size;
  shape.pad_top = shape.pad_left = pad;
  shape.out_rows = shape.out_columns = size + 2 * pad - kernel + 1;
  fused.relu = true;
  return fused;
}

LayerTrace trace_of(const FusedWorkload& fused, const Tensor& input, const Tensor* weights,
                    const Tensor* bias = nullptr) {
  LayerTrace trace;
  trace.name = "layer";
  trace.workload = fused;
  trace.input = &input;
  trace.weights = weights;
  trace.bias = bias;
  trace.input_format = trace.weight_format = trace.output_format = {16, 8, true};
  return trace;
}

Tensor filled(Shape shape, int16_t value) {
  Tensor tensor(DataType::int16, std::move(shape));
  for (int16_t& each : tensor.values<int16_t>()) each = value;
  return tensor;
}

std::string message_of(const std::vector<std::string>& settings) {
  try {
    make_accelerator("nullhop", settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(NullhopConfigTest, BothVariantsLoadAndDifferInClockAndTechnologyOnly) {
  const auto chip = make_accelerator("nullhop", {});
  const auto board = make_accelerator("nullhop_zynq", {});
  EXPECT_EQ(chip->architecture().clock.number(), 500e6);
  EXPECT_EQ(board->architecture().clock.number(), 60e6);
  EXPECT_EQ(chip->architecture().multipliers, 128);
  EXPECT_EQ(chip->architecture().core_area.number(), 6.3);
  EXPECT_EQ(board->architecture().core_area.number(), 0) << "an FPGA has no core area";
  EXPECT_EQ(chip->architecture().technology, "28nm_scaled");
  EXPECT_EQ(board->architecture().technology, "fpga");
  EXPECT_EQ(chip->arithmetic(), (Arithmetic{16, 16, Rounding::floor, Overflow::saturate}));
}

TEST(NullhopConfigTest, FaultsNameTheSettingOrTheKey) {
  EXPECT_THAT(message_of({"mac.count=64"}), HasSubstr("mac"));
  EXPECT_THAT(message_of({"macs.count=96"}), HasSubstr("power of two"));
  EXPECT_THAT(message_of({"kernel_memory.load=parallel"}), HasSubstr("load"));
  EXPECT_THAT(message_of({"stripe_rows=3"}), HasSubstr("even"));
  EXPECT_THAT(message_of({"unknown_output_density=2"}), HasSubstr("between 0 and 1"));
  EXPECT_EQ(message_of({"unknown_output_density=0.5", "clock=1 GHz"}), "");
  EXPECT_THROW(make_accelerator("nulhop", {}), Error);
}

struct MappingCase {
  int64_t in, out, kernel, macs_per_channel, outputs_per_pass, passes;
};

TEST(NullhopMappingTest, Vgg16MapsAsTheDriverMapsIt) {
  const MappingCase cases[] = {{3, 64, 3, 2, 64, 1},     {64, 64, 3, 2, 64, 1},    {64, 128, 3, 1, 128, 1},
                               {128, 128, 3, 1, 128, 1}, {128, 256, 3, 1, 128, 2}, {256, 256, 3, 1, 128, 2},
                               {256, 512, 3, 1, 128, 4}, {512, 512, 3, 2, 64, 8}};
  for (const MappingCase& each : cases) {
    std::string reason;
    const auto mapping = map_channels(config_with(), each.in, each.out, each.kernel * each.kernel, &reason);
    ASSERT_TRUE(mapping) << reason;
    EXPECT_EQ(mapping->macs_per_channel, each.macs_per_channel) << each.in << "->" << each.out;
    EXPECT_EQ(mapping->outputs_per_pass, each.outputs_per_pass);
    EXPECT_EQ(mapping->passes, each.passes);
  }
}

TEST(NullhopMappingTest, RoShamBoUsesEightFourTwoOneOneMacsAChannel) {
  const MappingCase cases[] = {{1, 16, 5, 8, 16, 1},
                               {16, 32, 3, 4, 32, 1},
                               {32, 64, 3, 2, 64, 1},
                               {64, 128, 3, 1, 128, 1},
                               {128, 128, 1, 1, 128, 1}};
  std::string reason;
  for (const MappingCase& each : cases) {
    EXPECT_EQ(
        map_channels(config_with(), each.in, each.out, each.kernel * each.kernel, &reason)->macs_per_channel,
        each.macs_per_channel);
  }
}

TEST(NullhopMappingTest, ChannelsAreRoundedUpToAPowerOfTwoAndDealtInRuns) {
  std::string reason;
  const auto mapping = map_channels(config_with(), 3, 64, 9, &reason);
  EXPECT_EQ(mapping->padded_in_channels, 4);
  EXPECT_EQ(mapping->contiguous_kernels, 18);
  EXPECT_EQ(mapping->sparsity_words_counter, 3);
  EXPECT_EQ(mapping->controller_of(1), 0);
  EXPECT_EQ(mapping->controller_of(2), 1);
  const auto one = map_channels(config_with(), 1, 16, 25, &reason);
  EXPECT_EQ(one->padded_in_channels, 8) << "every controller gets at least a dummy channel";
  const auto wide = map_channels(config_with(), 520, 128, 9, &reason);
  EXPECT_EQ(wide->macs_per_channel, 4)
      << "520 channels round up to 1024, whose share of two MACs would not fit";
}

TEST(NullhopMappingTest, ALayerThatNeedsMoreThanEightMacsAChannelIsRefused) {
  std::string reason;
  // 2048 channels are 256 a controller, 2304 words of 3x3 kernels; 4096 would be 4608 words, above 4096.
  EXPECT_EQ(map_channels(config_with(), 2048, 128, 9, &reason)->macs_per_channel, 8);
  EXPECT_FALSE(map_channels(config_with(), 2049, 128, 9, &reason));
  EXPECT_EQ(map_channels(config_with(), 512, 128, 49, &reason)->macs_per_channel, 8);
  EXPECT_FALSE(map_channels(config_with(), 513, 128, 49, &reason));
  EXPECT_THAT(reason, HasSubstr("kernel memories of 8 MACs"));
  EXPECT_FALSE(map_channels(config_with({"extensions.few_output_channels=false"}), 16, 8, 16, &reason));
}

TEST(NullhopPlacementTest, OnlyWhatThePublishedChipCanDoIsOnTheChip) {
  const auto chip = make_accelerator("nullhop", {});
  const auto extended = make_accelerator("nullhop", {"extensions.stride=true", "extensions.groups=true"});
  FusedWorkload layer = convolution(32, 64, 3, 20);
  EXPECT_EQ(chip->supports(layer).placement, Placement::chip);
  layer.workload.shape.stride_rows = layer.workload.shape.stride_columns = 2;
  layer.workload.shape.out_rows = layer.workload.shape.out_columns = 9;
  EXPECT_EQ(chip->supports(layer).placement, Placement::host);
  EXPECT_EQ(chip->supports(layer).reason, "stride 2");
  EXPECT_EQ(extended->supports(layer).placement, Placement::extension);
  EXPECT_EQ(extended->supports(layer).reason, "stride");
  EXPECT_EQ(chip->supports(convolution(8, 16, 9, 20)).placement, Placement::host);
  EXPECT_EQ(chip->supports(convolution(8, 10, 5, 20)).placement, Placement::extension);
  FusedWorkload connected = convolution(8, 16, 5, 5);
  connected.workload.kind = WorkloadKind::fully_connected;
  EXPECT_EQ(chip->supports(connected).placement, Placement::host);
  EXPECT_EQ(chip->supports(convolution(256, 16, 7, 300)).placement, Placement::host)
      << "eight dense rows exceed 512 KiB";
}

TEST(NullhopPlacementTest, OtherPoolingIsLeftToTheHostAndStillComputed) {
  Random random(1);
  const auto chip = make_accelerator("nullhop", {});
  FusedWorkload layer = convolution(4, 16, 3, 9, 1);
  layer.pooling = Pooling{.rows = 3, .columns = 3, .stride_rows = 2, .stride_columns = 2};
  Tensor input = filled({1, 4, 9, 9}, 0), weights = filled({16, 4, 3, 3}, 0);
  for (int16_t& value : input.values<int16_t>()) value = static_cast<int16_t>(random.integer(0, 600));
  for (int16_t& value : weights.values<int16_t>()) value = static_cast<int16_t>(random.integer(-200, 200));
  EXPECT_EQ(chip->supports(layer).placement, Placement::chip);
  EXPECT_EQ(chip->supports(layer).host_part, "3x3/2 max pooling");
  const Tensor pooled = chip->compute(trace_of(layer, input, &weights));
  FusedWorkload plain = layer;
  plain.pooling.reset();
  const Tensor whole = chip->compute(trace_of(plain, input, &weights));
  ASSERT_EQ(pooled.shape(), (Shape{1, 16, 4, 4}));
  for (int64_t k = 0; k < 16; ++k) {
    int16_t largest = -32768;
    for (int64_t i = 0; i < 9; ++i)
      largest = std::max(largest,
                         whole.values<int16_t>()[static_cast<size_t>((k * 9 + 2 + i / 3) * 9 + 4 + i % 3)]);
    EXPECT_EQ(pooled.values<int16_t>()[static_cast<size_t>((k * 4 + 1) * 4 + 2)], largest);
  }
  const Stats stats = chip->simulate(trace_of(layer, input, &weights));
  EXPECT_EQ(stats.at(MemoryLevel::dram, DataKind::output).written,
            sparsity_map_bits({16, 9, 9}, count_nonzero(whole)))
      << "the whole map leaves the chip";
}

TEST(NullhopPlacementTest, AveragePoolingIsAnExtensionWithARoundingRule) {
  FusedWorkload layer = convolution(1, 16, 1, 2);
  layer.pooling = Pooling{.kind = Pooling::Kind::average};
  const Tensor input = Tensor::of<int16_t>({1, 1, 2, 2}, {1, 2, 2, 2});  // mean 1.75
  const Tensor weights = filled({16, 1, 1, 1}, 256);
  const auto mean = [&](const std::vector<std::string>& settings) {
    return make_accelerator("nullhop", settings)
        ->compute(trace_of(layer, input, &weights))
        .values<int16_t>()[0];
  };
  EXPECT_EQ(make_accelerator("nullhop", {})->supports(layer).host_part, "2x2/2 average pooling");
  EXPECT_EQ(make_accelerator("nullhop", {"extensions.average_pooling=true"})->supports(layer).reason,
            "average_pooling");
  EXPECT_EQ(mean({"extensions.average_pooling=true"}), 1);
  EXPECT_EQ(mean({"extensions.average_pooling=true", "extensions.average_rounding=half_up"}), 2);
}

TEST(NullhopTimingTest, ADenseImageKeepsEveryMacBusyInEveryComputeCycle) {
  const FusedWorkload layer = convolution(64, 128, 3, 12);
  const Tensor input = filled({1, 64, 12, 12}, 1);
  const auto chip =
      make_accelerator("nullhop", {"input_memory.load=serial", "input_memory.pixels_per_manager_cycle=0"});
  const Stats stats = chip->simulate(trace_of(layer, input, nullptr));
  EXPECT_EQ(stats.cycles(Phase::compute).number(), 64 * 9 * 10 * 10);
  EXPECT_EQ(stats.mac_slots_idle, 0);
  EXPECT_EQ(stats.macs_done, layer.workload.macs());
}

TEST(NullhopTimingTest, AnEmptyImageTakesNoComputeCycle) {
  const FusedWorkload layer = convolution(64, 128, 3, 12);
  const Tensor input = filled({1, 64, 12, 12}, 0);
  const auto chip = make_accelerator("nullhop", {});
  const Stats stats = chip->simulate(trace_of(layer, input, nullptr));
  EXPECT_EQ(stats.cycles(Phase::compute).number(), 0);
  EXPECT_EQ(stats.macs_skipped_zero_input, layer.workload.macs());
}

TEST(NullhopTimingTest, AnInputThatExceedsItsMemoryIsSentAgainForEveryPass) {
  const FusedWorkload layer = convolution(16, 256, 3, 40, 1);
  const Tensor input = filled({1, 16, 40, 40}, 3);
  const int64_t once = sparsity_map_bits({16, 40, 40}, input.size()).number();
  const auto roomy = make_accelerator("nullhop", {});
  const auto tight = make_accelerator("nullhop", {"input_memory.capacity=8 KiB"});
  const LayerTrace trace = trace_of(layer, input, nullptr);
  EXPECT_EQ(roomy->simulate(trace).at(MemoryLevel::dram, DataKind::input).read.number(), once);
  EXPECT_EQ(tight->simulate(trace).at(MemoryLevel::dram, DataKind::input).read.number(), 2 * once);
}

TEST(NullhopTimingTest, OverlappedKernelsAreHiddenAsFarAsTheComputationLasts) {
  const FusedWorkload layer = convolution(64, 128, 3, 30, 1);
  const Tensor input = filled({1, 64, 30, 30}, 3);
  const LayerTrace trace = trace_of(layer, input, nullptr);
  const Stats serial = make_accelerator("nullhop", {})->simulate(trace);
  const Stats hidden = make_accelerator("nullhop", {"kernel_memory.load=overlapped"})->simulate(trace);
  EXPECT_EQ(serial.cycles(Phase::kernel_load).number(), 64 * 9 * 128 * 16 / 32);
  EXPECT_EQ(hidden.cycles(Phase::kernel_load).number(), 0);
}

TEST(NullhopTimingTest, TheTickingModelIsASettingAndCountsTheSame) {
  const FusedWorkload layer = convolution(5, 32, 3, 7, 1);
  Tensor input = filled({1, 5, 7, 7}, 3);
  for (size_t i = 0; i < 100; i += 3) input.values<int16_t>()[i] = 0;
  const LayerTrace trace = trace_of(layer, input, nullptr);
  const Stats fast = make_accelerator("nullhop", {})->simulate(trace);
  const Stats ticked = make_accelerator("nullhop", {"model=ticking"})->simulate(trace);
  EXPECT_EQ(ticked.cycles_by_phase, fast.cycles_by_phase);
  EXPECT_EQ(ticked.macs_done, fast.macs_done);
}

TEST(NullhopOutputTest, SumsAreShiftedDownwardsAndSaturated) {
  const FusedWorkload layer = convolution(1, 16, 1, 2);
  Tensor weights = filled({16, 1, 1, 1}, 1);
  weights.values<int16_t>()[1] = 32767;
  FusedWorkload plain = layer;
  plain.relu = false;
  const Tensor input = Tensor::of<int16_t>({1, 1, 2, 2}, {-1, 255, 256, 32767});
  const Tensor output = make_accelerator("nullhop", {})->compute(trace_of(plain, input, &weights));
  const auto values = output.values<int16_t>();
  EXPECT_EQ(std::vector<int16_t>(values.begin(), values.begin() + 8),
            (std::vector<int16_t>{-1, 0, 1, 127, -128, 32639, 32767, 32767}));
}

TEST(NullhopBusTest, EveryFieldHasItsPlaceInTheWord) {
  BusWord word;
  word.values[0] = 0xABCD;
  word.values[1] = 0x1234;
  word.type = BusType::kernel;
  word.valid[0] = true;
  word.addresses[0] = 5;
  word.addresses[1] = 0x7F;
  word.burst_length = 0x1FFF;
  const uint64_t expected =
      0xABCDULL | 0x1234ULL << 16 | 2ULL << 32 | 1ULL << 34 | 5ULL << 36 | 0x7FULL << 43 | 0x1FFFULL << 50;
  EXPECT_EQ(packed(word), expected);
  EXPECT_EQ(unpacked(expected), word);
  EXPECT_TRUE(unpacked(1ULL << 63).idle);
}

TEST(NullhopBusTest, APassSendsRegistersBiasesKernelsStartAndImageAndNothingIsBookedThatIsNotSent) {
  Random random(5);
  const NullhopConfig chip = config_with();
  const FusedWorkload layer = convolution(3, 64, 3, 6, 1);
  Tensor input = filled({1, 3, 6, 6}, 0), weights = filled({64, 3, 3, 3}, 0),
         bias = Tensor::zeros(DataType::int64, {64});
  for (int16_t& value : input.values<int16_t>())
    value = random.chance(0.5) ? static_cast<int16_t>(random.integer(1, 99)) : int16_t{0};
  for (int16_t& value : weights.values<int16_t>()) value = static_cast<int16_t>(random.integer(-99, 99));
  for (int64_t& value : bias.values<int64_t>()) value = random.integer(-9, 9) * 256;
  const LayerTrace trace = trace_of(layer, input, &weights, &bias);
  const LayerPlan plan = plan_of(chip, trace);
  std::vector<BusType> order;
  std::map<BusType, std::vector<std::pair<uint16_t, int>>> sent;
  for (const uint64_t bits : bus_words(chip, plan, trace, 0, 0)) {
    const BusWord word = unpacked(bits);
    if (order.empty() || order.back() != word.type) order.push_back(word.type);
    for (int i = 0; i < 2; ++i) {
      if (word.valid[i]) sent[word.type].emplace_back(word.values[i], word.addresses[i]);
    }
  }
  constexpr BusType kRegister = BusType::register_write, kBias = BusType::bias, kKernel = BusType::kernel,
                    kImage = BusType::image;
  EXPECT_EQ(order, (std::vector<BusType>{kRegister, kBias, kKernel, kRegister, kImage, kRegister}));
  const Stats stats = Nullhop(chip).simulate(trace);
  const auto booked = [&](DataKind kind) { return stats.at(MemoryLevel::dram, kind).read.number() / 16; };
  EXPECT_EQ(static_cast<int64_t>(sent[kRegister].size()), booked(DataKind::control));
  EXPECT_EQ(static_cast<int64_t>(sent[kBias].size()), booked(DataKind::bias));
  EXPECT_EQ(static_cast<int64_t>(sent[kKernel].size()), booked(DataKind::weight));
  EXPECT_EQ(static_cast<int64_t>(sent[kImage].size()), booked(DataKind::input));
  EXPECT_EQ(static_cast<int16_t>(sent[kBias][2 * 7].first) * 256, bias.values<int64_t>()[7]);
  EXPECT_EQ(sent[kBias][2 * 7 + 1].first, 0) << "only the first MAC of a channel adds the bias";
  // Output 5 has MACs 10 and 11 with 18 words each: channels 0 and 1, then channel 2 and a dummy.
  EXPECT_EQ(static_cast<int16_t>(sent[kKernel][10 * 18 + 3].first), weights.values<int16_t>()[5 * 27 + 3]);
  EXPECT_EQ(sent[kKernel][11 * 18].second, 11);
  EXPECT_EQ(static_cast<int16_t>(sent[kKernel][11 * 18 + 8].first), weights.values<int16_t>()[5 * 27 + 26]);
  EXPECT_EQ(sent[kKernel][11 * 18 + 9].first, 0);
  std::vector<uint16_t> words;
  int64_t rows = 0;
  for (const auto& [value, address] : sent[kImage]) {
    words.push_back(value);
    rows += address;
  }
  EXPECT_EQ(rows, 6) << "one new-row flag a row";
  EXPECT_EQ(SparsityMap::from_words({1, 3, 6, 6}, words).decode(), input);
}

}  // namespace
}  // namespace deltahop::nullhop
