// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/fold_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

Tensor shape_tensor(const Shape& shape) {
  return Tensor::of<int64_t>({static_cast<int64_t>(shape.size())}, shape);
}

// x + (a constant of this shape that a node makes).
Network with_made_constant(const Shape& shape) {
  NetworkBuilder builder("made");
  const ValueId x = builder.input("x", DataType::float32, {1});
  const ValueId made =
      builder.node("ConstantOfShape", "made", {builder.constant("shape", shape_tensor(shape))})[0];
  builder.output(builder.node("Add", "sum", {x, made})[0]);
  return builder.build();
}

TEST(FoldBudget, ComputesSmallConstantsAtLoadTime) {
  const Network network = with_made_constant({4, 5});
  ASSERT_NE(network.value(network.find_value("made:0")).constant, nullptr);
  EXPECT_EQ(network.value(network.find_value("made:0")).constant->shape(), (Shape{4, 5}));
}

TEST(FoldBudget, LeavesLargeConstantsToTheRun) {
  const Network network = with_made_constant({1 << 13, 1 << 12});  // 128 MiB
  EXPECT_EQ(network.value(network.find_value("made:0")).constant, nullptr);
  EXPECT_EQ(network.value(network.outputs()[0]).shape, (Shape{1 << 13, 1 << 12}));
}

TEST(FoldBudget, RefusesConstantsBeyondAQuarterGibibyteThatTheNetworkDoesNotHold) {
  EXPECT_NO_THROW(with_made_constant({1 << 13, 1 << 13}));  // 256 MiB, and the shape's own bytes
  try {
    with_made_constant({1 << 14, 1 << 14});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "node 'made' (ConstantOfShape): asks for a constant of 1024 MiB that the file does not hold; "
        "at most 256 MiB and 8 times what it does hold: 256 MiB");
  }
}

TEST(FoldBudget, ANetworkWithLargeConstantsMayMakeLargeOnes) {
  NetworkBuilder builder("weights");
  const ValueId weights = builder.constant("w", Tensor::zeros(DataType::int8, {1 << 8, 1 << 16}));  // 16 MiB
  const ValueId made =
      builder.node("ConstantOfShape", "made", {builder.constant("shape", shape_tensor({75, 1 << 20}))})[0];
  builder.output(weights);
  builder.output(made);
  EXPECT_EQ(builder.build().value(made).shape, (Shape{75, 1 << 20}));  // 300 MiB of 256 + 8 x 16
}

TEST(FoldBudget, IsSpentOverAllNodesTogetherAndGrowsWithTheNetworksOwnConstants) {
  LayerArguments arguments;
  arguments.operator_name = "ConstantOfShape";
  const auto layer = make_layer(arguments);
  const std::vector<std::optional<ValueInfo>> inputs = {ValueInfo{DataType::int64, Shape{2}, nullptr}};
  const std::vector<ValueInfo> quarter = {
      {DataType::float32, Shape{1 << 11, 1 << 11}, nullptr}};  // of 64 MiB
  const auto granted = [&](const std::vector<Value>& values) {
    FoldBudget budget(values);
    int count = 0;
    while (count < 100 && budget.take(*layer, inputs, quarter)) ++count;
    return count;
  };
  EXPECT_EQ(granted({}), 4);
  Value weights;  // 8 MiB of its own
  weights.constant = std::make_shared<const Tensor>(Tensor::zeros(DataType::float32, {1 << 10, 1 << 11}));
  EXPECT_EQ(granted({weights}), 8);
}

TEST(FoldBudget, LeavesMuchWorkOnSmallConstantsToTheRun) {
  NetworkBuilder builder("work");
  const ValueId picture =
      builder.node("ConstantOfShape", "p", {builder.constant("a", shape_tensor({1, 64, 256, 256}))})[0];
  const ValueId weights =
      builder.node("ConstantOfShape", "w", {builder.constant("b", shape_tensor({64, 64, 31, 31}))})[0];
  const ValueId sums =
      builder.node("Conv", "c", {picture, weights}, {{"pads", std::vector<int64_t>(4, 15)}})[0];
  builder.output(sums);
  const Network network = builder.build();
  EXPECT_NE(network.value(picture).constant, nullptr);
  EXPECT_EQ(network.value(sums).constant, nullptr);
  EXPECT_EQ(network.value(sums).shape, (Shape{1, 64, 256, 256}));
}

TEST(FoldBudget, RefusesValuesBeyondAnyMemory) {
  EXPECT_THROW(with_made_constant({1 << 20, 1 << 20}), Error);
  EXPECT_NO_THROW(check_plausible(DataType::float32, {1 << 15, 1 << 16}));
  EXPECT_THROW(check_plausible(DataType::float32, {1 << 15, (1 << 16) + 1}), Error);
  EXPECT_THROW(check_plausible(DataType::float32, Shape(33, 1)), Error);
}

}  // namespace
}  // namespace deltahop
