// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using Integers = std::vector<int64_t>;

Tensor random_tensor(Random& random, Shape shape, double low = -1, double high = 1) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(low, high));
  return tensor;
}

ValueId batch_normalization(NetworkBuilder& builder, Random& random, const std::string& name, ValueId x,
                            int64_t channels, float epsilon) {
  const auto constant = [&](const char* part, double low, double high) {
    return builder.constant(name + "/" + part, random_tensor(random, {channels}, low, high));
  };
  return builder.node("BatchNormalization", name,
                      {x, constant("scale", 0.5, 2), constant("shift", -1, 1), constant("mean", -1, 1),
                       constant("variance", 0.01, 2)},
                      {{"epsilon", epsilon}})[0];
}

std::vector<std::string> operators_of(const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes()) names.emplace_back(node.layer->operator_name());
  return names;
}

void expect_same_function(const Network& network, const Network& other, Random& random) {
  std::vector<Tensor> inputs;
  for (const NetworkInput& input : network.inputs())
    inputs.push_back(random_tensor(random, *network.value(input.value).shape));
  const auto expected = execute(network, inputs, {}), actual = execute(other, inputs, {});
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].shape(), expected[i].shape());
    const double largest = std::max(largest_magnitude(expected[i]), 1.0);
    for (int64_t j = 0; j < expected[i].size(); ++j) {
      const size_t at = static_cast<size_t>(j);
      ASSERT_NEAR(actual[i].values<float>()[at], expected[i].values<float>()[at], 1e-5 * largest);
    }
  }
}

struct ConvCase {
  int64_t in, out, groups;
  bool with_bias;
};

TEST(Fold, BatchNormalizationGoesIntoConvolutions) {
  Random random(1);
  for (const ConvCase c : {ConvCase{3, 5, 1, true}, ConvCase{4, 6, 2, false}, ConvCase{4, 4, 4, true}}) {
    for (const float epsilon : {1e-5f, 0.1f}) {
      NetworkBuilder builder("net");
      const ValueId x = builder.input("x", DataType::float32, {2, c.in, 6, 6});
      std::vector<ValueId> inputs = {
          x, builder.constant("w", random_tensor(random, {c.out, c.in / c.groups, 3, 3}))};
      if (c.with_bias) inputs.push_back(builder.constant("b", random_tensor(random, {c.out})));
      const ValueId conv = builder.node("Conv", "conv", inputs, {{"group", c.groups}})[0];
      const ValueId normal = batch_normalization(builder, random, "bn", conv, c.out, epsilon);
      builder.output(builder.node("Relu", "relu", {normal})[0]);
      const Network network = builder.build();
      const Network result = folded(network);
      EXPECT_THAT(operators_of(result), ElementsAre("Conv", "Relu"));
      EXPECT_EQ(result.nodes()[0].name, "conv");
      EXPECT_EQ(result.nodes()[0].outputs[0], normal);
      expect_same_function(network, result, random);
    }
  }
}

TEST(Fold, ArithmeticPerChannelGoesIntoWeightsAndBias) {
  Random random(2);
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {1, 3, 5, 5});
  ValueId id =
      builder.node("Conv", "conv", {x, builder.constant("w", random_tensor(random, {4, 3, 1, 1}))})[0];
  id = builder.node("Mul", "m", {id, builder.constant("m", random_tensor(random, {1, 4, 1, 1}))})[0];
  id = builder.node("Add", "a", {builder.constant("a", random_tensor(random, {4, 1, 1})), id})[0];
  id = builder.node("Sub", "s", {id, builder.constant("s", Tensor::scalar(0.25f))})[0];
  id = builder.node("Div", "d", {id, builder.constant("d", Tensor::scalar(4.0f))})[0];
  builder.output(id);
  const Network network = builder.build();
  const Network result = folded(network);
  EXPECT_THAT(operators_of(result), ElementsAre("Conv"));
  expect_same_function(network, result, random);
}

TEST(Fold, MatMulWithBiasAndFactorsOfGemmBecomePlainGemm) {
  Random random(3);
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2, 7});
  ValueId id = builder.node("MatMul", "first", {x, builder.constant("w1", random_tensor(random, {7, 5}))})[0];
  id = builder.node("Add", "add", {id, builder.constant("b1", random_tensor(random, {5}))})[0];
  id = builder.node("Gemm", "second",
                    {id, builder.constant("w2", random_tensor(random, {3, 5})),
                     builder.constant("b2", random_tensor(random, {3}))},
                    {{"alpha", 0.5f}, {"beta", 2.0f}, {"transB", int64_t{1}}})[0];
  builder.output(batch_normalization(builder, random, "bn", id, 3, 1e-3f));
  const Network network = builder.build();
  const Network result = folded(network);
  EXPECT_THAT(operators_of(result), ElementsAre("Gemm", "Gemm"));
  EXPECT_EQ(result.nodes()[1].layer->attributes().number("alpha", 0), 1.0f);
  EXPECT_EQ(result.nodes()[1].layer->attributes().number("beta", 0), 1.0f);
  expect_same_function(network, result, random);
}

TEST(Fold, WhatOthersReadOrWhatVariesWithinAChannelStays) {
  Random random(4);
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {1, 2, 4, 4});
  const ValueId first =
      builder.node("Conv", "first", {x, builder.constant("w1", random_tensor(random, {2, 2, 1, 1}))})[0];
  const ValueId normal = batch_normalization(builder, random, "bn", first, 2, 1e-5f);
  const ValueId sum = builder.node("Add", "sum", {first, normal})[0];  // first has two readers
  const ValueId second =
      builder.node("Conv", "second", {sum, builder.constant("w2", random_tensor(random, {2, 2, 1, 1}))})[0];
  builder.output(
      builder.node("Add", "plane", {second, builder.constant("p", random_tensor(random, {4, 4}))})[0]);
  const Network network = builder.build();
  const Network result = folded(network);
  EXPECT_EQ(operators_of(result), operators_of(network));
  expect_same_function(network, result, random);
}

TEST(Fold, DropoutAndIdentityVanishButKeepTheNetworksOutputs) {
  Random random(5);
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {1, 2, 3, 3});
  const ValueId a = builder.node("Identity", "i1", {x})[0];
  const ValueId conv =
      builder.node("Conv", "conv", {a, builder.constant("w", random_tensor(random, {2, 2, 1, 1}))})[0];
  const ValueId dropped = builder.node("Dropout", "drop", {conv})[0];
  const ValueId relu = builder.node("Relu", "relu", {dropped})[0];
  const ValueId last = builder.node("Identity", "i2", {relu})[0];
  builder.output(last);
  const Network network = builder.build();
  const Network result = folded(network);
  EXPECT_THAT(operators_of(result), ElementsAre("Conv", "Relu", "Identity"));
  EXPECT_THAT(result.outputs(), ElementsAre(last));
  expect_same_function(network, result, random);
}

}  // namespace
}  // namespace deltahop
