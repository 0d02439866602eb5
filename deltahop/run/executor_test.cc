// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> list(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor));
  return tensors;
}

template <class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Execute, RunsNodesInOrderAndTellsTheListener) {
  NetworkBuilder builder("two");
  const ValueId x = builder.input("x", DataType::float32, {4});
  const ValueId a = builder.node("Relu", "first", {x})[0];
  builder.output(builder.node("Relu", "second", {a})[0]);
  const Network network = builder.build();
  std::vector<std::string> seen;
  const auto outputs = execute(network, one(Tensor::of<float>({4}, {-1, 2, -3, 4})), {},
                               [&](const Node& node, const auto& results) {
                                 seen.push_back(node.name);
                                 EXPECT_THAT(list(*results.at(0)), ElementsAre(0, 2, 0, 4));
                               });
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(list(outputs[0]), ElementsAre(0, 2, 0, 4));
  EXPECT_THAT(seen, ElementsAre("first", "second"));
}

TEST(Execute, GivesAnOutputThatIsAlsoReadOrAskedForTwice) {
  NetworkBuilder builder("branches");
  const ValueId x = builder.input("x", DataType::float32, {2});
  const ValueId a = builder.node("Relu", "a", {x})[0];
  const ValueId b = builder.node("Relu", "b", {a})[0];
  for (const ValueId id : {a, b, a, x}) builder.output(id);
  const auto outputs = execute(builder.build(), one(Tensor::of<float>({2}, {-5, 6})), {});
  ASSERT_EQ(outputs.size(), 4u);
  for (const size_t i : {0, 1, 2}) EXPECT_THAT(list(outputs[i]), ElementsAre(0, 6)) << i;
  EXPECT_THAT(list(outputs[3]), ElementsAre(-5, 6));
}

TEST(Execute, LeavesOutWhatWasComputedAtLoadTime) {
  NetworkBuilder builder("constant");
  const ValueId x = builder.input("x", DataType::float32, {1});
  const ValueId c = builder.constant("c", Tensor::of<float>({2}, {-1, 1}));
  builder.output(builder.node("Relu", "known", {c})[0]);
  builder.output(builder.node("Relu", "runs", {x})[0]);
  std::vector<std::string> seen;
  const auto outputs = execute(builder.build(), one(Tensor::of<float>({1}, {3})), {},
                               [&](const Node& node, const auto&) { seen.push_back(node.name); });
  EXPECT_THAT(seen, ElementsAre("runs"));
  EXPECT_THAT(list(outputs[0]), ElementsAre(0, 1));
}

TEST(Execute, NamesTheInputThatDoesNotFit) {
  NetworkBuilder builder("net");
  builder.output(builder.node("Relu", "r", {builder.input("x", DataType::float32, {2})})[0]);
  const Network network = builder.build();
  EXPECT_THAT(message_of([&] {
                execute(network, one(Tensor::of<float>({3}, {1, 2, 3})), {});
              }),
              HasSubstr("input 'x'"));
  EXPECT_THAT(message_of([&] {
                execute(network, one(Tensor::of<int16_t>({2}, {1, 2})), {});
              }),
              HasSubstr("int16"));
  EXPECT_THAT(message_of([&] { execute(network, {}, {}); }), HasSubstr("1 inputs, 0 were given"));
}

TEST(Execute, NamesTheNodeThatFails) {
  NetworkBuilder builder("net");
  const ValueId x = builder.input("x", DataType::float32, {2});
  const ValueId index = builder.input("index", DataType::int64, {1});
  builder.output(builder.node("Gather", "pick", {x, index})[0]);
  const Network network = builder.build();
  std::vector<Tensor> inputs = one(Tensor::of<float>({2}, {1, 2}));
  inputs.push_back(Tensor::of<int64_t>({1}, {7}));
  EXPECT_THAT(message_of([&] { execute(network, inputs, {}); }), HasSubstr("node 'pick' (Gather)"));
}

}  // namespace
}  // namespace deltahop
