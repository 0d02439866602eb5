// SPDX-License-Identifier: Apache-2.0
// The sparse engine's plan (what is fused, what is written in place, what stays general) and its choice of
// paths.
#include "deltahop/run/sparse_network.h"

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/kernels/sparse_blocks.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/run/dense_maps.h"
#include "deltahop/run/fold_columns.h"

namespace deltahop {
namespace {

Tensor random_weights(Random& random, Shape shape) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.integer(-20, 20)) / 64;
  return tensor;
}

// A fire module: squeeze to 8, expand by 1x1 and 3x3 to 64 channels each, side by side; then a maximum, and a
// fully connected layer behind a Flatten.
IntegerModel fire_module() {
  Random random(5);
  NetworkBuilder builder("fire");
  const ValueId x = builder.input("x", DataType::float32, {1, 3, 8, 8});
  const auto convolution = [&](const std::string& name, ValueId in, Shape shape, int64_t pad) {
    const ValueId w = builder.constant(name + "/w", random_weights(random, std::move(shape)));
    const std::vector<int64_t> pads(4, pad);
    return builder.node("Relu", name + "/relu",
                        {builder.node("Conv", name, {in, w}, {{"pads", pads}})[0]})[0];
  };
  const ValueId squeezed = convolution("squeeze", x, {8, 3, 1, 1}, 0);
  const ValueId one = convolution("one", squeezed, {64, 8, 1, 1}, 0);
  const ValueId three = convolution("three", squeezed, {64, 8, 3, 3}, 1);
  ValueId value = builder.node("Concat", "concat", {one, three}, {{"axis", int64_t{1}}})[0];
  const std::vector<int64_t> two = {2, 2};
  value = builder.node("MaxPool", "pool", {value}, {{"kernel_shape", two}, {"strides", two}})[0];
  value = builder.node("Flatten", "flat", {value})[0];
  const ValueId w = builder.constant("fc/w", random_weights(random, {128 * 16, 10}));
  builder.output(builder.node("Gemm", "fc", {value, w})[0]);
  IntegerModel model{builder.build(), {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) model.formats[id] = {8, 5, true};
  return model;
}

std::vector<Tensor> picture(uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> inputs;
  inputs.emplace_back(DataType::float32, Shape{1, 3, 8, 8});
  for (float& value : inputs[0].values<float>())
    value = random.chance(0.6) ? 0.0f : static_cast<float>(random.uniform(0, 3));
  return inputs;
}

TEST(SparseNetwork, AFireModuleRunsWithoutGeneralCode) {
  const IntegerModel model = fire_module();
  SparseNetwork network(model, {});
  EXPECT_TRUE(network.general_nodes().empty());
  ASSERT_EQ(network.layers().size(), 4u);
  EXPECT_EQ(network.layers()[3].shape.kernel_rows, 4);  // the Gemm's window is the whole map
  EXPECT_EQ(network.layers()[3].shape.in_channels, 128);
  const IntegerExecutor executor(model);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    for (const PathRule rule : {PathRule::sparse, PathRule::dense}) {
      network.set_rule(rule);
      EXPECT_EQ(network.run(picture(seed)).codes, executor.run(picture(seed), {}).codes);
    }
  }
}

TEST(SparseNetwork, ThePathFollowsTheZerosOfTheInputAtHand) {
  SparseNetwork network(fire_module(), {.count_macs = true});
  network.set_break_even(0, 0.5);
  std::vector<Tensor> inputs = picture(1);
  network.run(inputs);
  EXPECT_EQ(network.layers()[0].path, ConvolutionPath::sparse);
  EXPECT_EQ(network.layers()[0].executed_macs, (192 - network.layers()[0].zeros) * 8);  // 1x1, 8 out channels
  for (float& value : inputs[0].values<float>()) value = 1;
  network.run(inputs);
  EXPECT_EQ(network.layers()[0].path, ConvolutionPath::dense);
  EXPECT_EQ(network.layers()[0].zeros, 0);
  EXPECT_EQ(network.layers()[0].executed_macs, 192 * 8);
  inputs[0].values<float>()[7] = -1;
  network.run(inputs);
  EXPECT_TRUE(network.layers()[0].offset_input);
}

// A picture of 8 rows of 28 pixels whose lower rows are zero: kernels of 3 rows that see only those are left
// out.
TEST(SparseNetwork, TilesLeaveOutWhatIsZeroAndGiveTheExecutorsCodes) {
  if (!sparse_blocks::has_byte_products()) GTEST_SKIP() << "this processor has no byte products";
  Random random(8);
  NetworkBuilder builder("rows");
  const ValueId x = builder.input("x", DataType::float32, {1, 2, 8, 28});
  const ValueId w = builder.constant("w", random_weights(random, {8, 2, 3, 1}));
  builder.output(builder.node("Relu", "relu", {builder.node("Conv", "conv", {x, w})[0]})[0]);
  IntegerModel model{builder.build(), {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) model.formats[id] = {8, 5, true};
  SparseNetwork network(model, {.count_macs = true});
  const IntegerExecutor executor(model);
  std::vector<Tensor> inputs;
  inputs.emplace_back(DataType::float32, Shape{1, 2, 8, 28});
  for (const int64_t filled : {8, 3, 0, 8, 5}) {
    for (int64_t i = 0; i < inputs[0].size(); ++i) {
      inputs[0].values<float>()[static_cast<size_t>(i)] =
          i / 28 % 8 < filled ? static_cast<float>(random.uniform(0.1, 3)) : 0.0f;
    }
    for (const PathRule rule : {PathRule::dense, PathRule::measured}) {
      network.set_rule(rule);
      EXPECT_EQ(network.run(inputs).codes, executor.run(inputs, {}).codes);
      if (rule == PathRule::dense) {
        EXPECT_EQ(network.layers()[0].left_out, 0);
      }
    }
    if (filled == 8) {
      EXPECT_EQ(network.layers()[0].left_out, 0);
    }
    if (filled == 3) {  // the second input; kernel rows in rows 3 to 7: 1 + 2 + 3 + 3 + 3 + 3 of 6 * 3
      // After an input without a zero nothing is asked for a while.
      EXPECT_EQ(network.layers()[0].left_out, 0);
      for (int i = 0; i < 16; ++i) network.run(inputs);
      EXPECT_DOUBLE_EQ(network.layers()[0].left_out, 12.0 / 18);
      EXPECT_EQ(network.layers()[0].executed_macs, network.layers()[0].dense_macs / 3);
    }
    if (filled == 0) {
      EXPECT_EQ(network.layers()[0].left_out, 1);
      EXPECT_EQ(network.layers()[0].executed_macs, 0);
    }
  }
}

// The shortcut of ResNet-20: every second pixel, zeros for half of the channels, added to a convolution.
TEST(SparseNetwork, AShortcutOfSlicesAndPaddingRunsWithoutGeneralCode) {
  Random random(6);
  NetworkBuilder builder("shortcut");
  const ValueId x = builder.input("x", DataType::float32, {1, 3, 8, 8});
  const auto constant = [&](const char* name, std::vector<int64_t> values) {
    Tensor tensor(DataType::int64, {static_cast<int64_t>(values.size())});
    std::copy(values.begin(), values.end(), tensor.values<int64_t>().begin());
    return builder.constant(name, std::move(tensor));
  };
  const ValueId every_second = builder.node("Slice", "every_second",
                                            {x, constant("starts", {0, 0}), constant("ends", {8, 8}),
                                             constant("axes", {2, 3}), constant("steps", {2, 2})})[0];
  const ValueId padded =
      builder.node("Pad", "pad", {every_second, constant("pads", {0, 1, 0, 0, 0, 2, 0, 0})})[0];
  const ValueId w = builder.constant("w", random_weights(random, {6, 3, 3, 3}));
  const std::vector<int64_t> pads(4, 1), strides(2, 2);
  const ValueId sums = builder.node("Conv", "conv", {x, w}, {{"pads", pads}, {"strides", strides}})[0];
  const ValueId sum = builder.node("Relu", "relu", {builder.node("Add", "add", {sums, padded})[0]})[0];
  const std::vector<int64_t> order = {0, 2, 3, 1};
  builder.output(builder.node("Transpose", "transposed", {sum}, {{"perm", order}})[0]);
  IntegerModel model{builder.build(), {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) model.formats[id] = {8, 5, true};
  const Network& made = model.network;
  const IntegerExecutor executor(model);
  SparseNetwork network(model, {});
  EXPECT_TRUE(network.general_nodes().empty());
  SparseNetwork floats(made, {});
  EXPECT_TRUE(floats.general_nodes().empty());
  for (uint64_t seed = 0; seed < 4; ++seed) {
    std::vector<Tensor> inputs = picture(seed);
    for (float& value : inputs[0].values<float>()) value -= 1;
    EXPECT_EQ(network.run(inputs).codes, executor.run(inputs, {}).codes);
    const Tensor wanted = execute(made, inputs, {})[0], got = floats.run(inputs).values[0];
    for (size_t i = 0; i < static_cast<size_t>(wanted.size()); ++i)
      ASSERT_NEAR(got.values<float>()[i], wanted.values<float>()[i], 1e-5);
  }
}

TEST(MovedCodes, RunsAreAsLongAsChannelsLieBesideEachOther) {
  NetworkBuilder builder("pad");
  const ValueId x = builder.input("x", DataType::float32, {1, 4, 2, 1});
  Tensor pads(DataType::int64, {8});
  const std::vector<int64_t> amounts = {0, 1, 0, 0, 0, 2, 0, 0};
  std::copy(amounts.begin(), amounts.end(), pads.values<int64_t>().begin());
  builder.output(builder.node("Pad", "pad", {x, builder.constant("pads", pads)})[0]);
  const Network network = builder.build();
  const auto moves = moves_of(network, network.nodes().back());
  ASSERT_TRUE(moves.has_value());
  EXPECT_TRUE(moves->fills);
  EXPECT_EQ(moves->runs, (std::vector<MovedRun>{{0, 1, 4}, {4, 8, 4}}));  // 4 of 7 channels, two pixels
}

TEST(FoldColumns, FoldedWeightsGiveNeighbouringColumnsAsChannels) {
  Random random(7);
  ConvolutionShape shape;
  shape.in_channels = 3, shape.out_channels = 5;
  shape.in_rows = 6, shape.in_columns = 17;
  shape.kernel_rows = 2, shape.kernel_columns = 3;
  shape.stride_columns = 2, shape.pad_left = 1;
  shape.out_rows = 5, shape.out_columns = 8;
  const int64_t factor = fold_factor(shape);
  EXPECT_EQ(factor, 8);  // 40 channels; 16 columns are not there
  const ConvolutionShape wide = folded_shape(shape, factor);
  EXPECT_EQ(wide.kernel_columns, 3 + 7 * 2);
  std::vector<int16_t> input(3 * 6 * 17), weights(5 * 3 * 2 * 3);
  for (auto* values : {&input, &weights}) {
    for (int16_t& value : *values) value = static_cast<int16_t>(random.integer(-9, 9));
  }
  std::vector<int64_t> plain(5 * 5 * 8), folded(plain.size());
  convolve_reference<int16_t, int64_t>(shape, input, weights, {}, plain);
  convolve_reference<int16_t, int64_t>(wide, input, folded_weights<int16_t>(shape, weights, factor), {},
                                       folded);
  for (size_t k = 0; k < 5; ++k) {
    for (size_t p = 0; p < 5; ++p) {
      for (size_t q = 0; q < 8; ++q) EXPECT_EQ(plain[(k * 5 + p) * 8 + q], folded[(q * 5 + k) * 5 + p]);
    }
  }
}

TEST(BreakEvenCurve, IsWhereSkippingIsThreeInAHundredFaster) {
  EXPECT_DOUBLE_EQ((BreakEvenCurve{1.0, {{0.0, 2.0}, {0.5, 1.5}, {1.0, 0.0}}}.break_even()),
                   0.5 + 0.5 * 0.53 / 1.5);
  EXPECT_EQ((BreakEvenCurve{1.0, {{0.0, 0.9}, {0.9, 0.1}}}.break_even()), 0);
  EXPECT_GT((BreakEvenCurve{1.0, {{0.0, 3.0}, {0.9, 1.1}}}.break_even()), 1);
  EXPECT_GT(BreakEvenCurve{}.break_even(), 1);
}

TEST(SparseNetwork, AMeasurementHasEveryShareThatWasAskedFor) {
  SparseNetwork network(fire_module(), {});
  const BreakEvenCurve curve = network.measure(2, {0.0, 0.5, 0.9});
  ASSERT_EQ(curve.points.size(), 3u);
  EXPECT_EQ(curve.points[1].zero_share, 0.5);
  EXPECT_GT(curve.dense_s, 0);
}

TEST(CodeRounder, IsTheExecutorsRoundingByEachOfItsWays) {
  for (const int shift : {-3, 0, 1, 5, 12, 31}) {
    for (const int64_t divisor : {1, 9, 16}) {
      for (int rounding = 0; rounding < 5; ++rounding) {
        for (const Overflow overflow : {Overflow::saturate, Overflow::wrap}) {
          for (const int64_t range : {2000, 1 << 20, (1 << 30) + 5}) {
            const CodeRule rule{{6, 2, true}, static_cast<Rounding>(rounding), overflow};
            const CodeRounder rounder(shift, divisor, rule, -range, range);
            std::vector<int32_t> sums;
            for (int64_t sum = -range; sum <= range; sum += std::max<int64_t>(1, range / 999))
              sums.push_back(static_cast<int32_t>(sum));
            std::vector<int8_t> codes(sums.size());
            rounder.round(sums, codes.data());
            for (size_t i = 0; i < sums.size(); ++i) {
              bool outside = false;
              ASSERT_EQ(codes[i], code_of(sums[i], divisor, shift, rule, &outside)) << sums[i];
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace deltahop
