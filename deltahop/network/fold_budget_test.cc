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
  const Network network = with_made_constant({1 << 15, 1 << 14});  // 2 GiB
  EXPECT_EQ(network.value(network.find_value("made:0")).constant, nullptr);
  EXPECT_EQ(network.value(network.outputs()[0]).shape, (Shape{1 << 15, 1 << 14}));
}

TEST(FoldBudget, IsSpentOverAllNodesTogetherAndGrowsWithTheNetworksOwnConstants) {
  LayerArguments arguments;
  arguments.operator_name = "ConstantOfShape";
  const auto layer = make_layer(arguments);
  const std::vector<std::optional<ValueInfo>> inputs = {ValueInfo{DataType::int64, Shape{2}, nullptr}};
  const std::vector<ValueInfo> quarter = {{DataType::float32, Shape{1 << 13, 1 << 13}, nullptr}};  // of a GiB
  const auto granted = [&](const std::vector<Value>& values) {
    FoldBudget budget(values);
    int count = 0;
    while (count < 100 && budget.take(*layer, inputs, quarter)) ++count;
    return count;
  };
  EXPECT_EQ(granted({}), 4);
  Value weights;  // 128 MiB of its own
  weights.constant = std::make_shared<const Tensor>(Tensor::zeros(DataType::float32, {1 << 12, 1 << 13}));
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
