// SPDX-License-Identifier: Apache-2.0
// Forms of operators that opset 17 says otherwise or not at all, beyond those of ONNX's own cases: networks
// built against the opset that has them give the same after they were written and read, or are refused.
#include <functional>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/base/random.h"
#include "deltahop/io/load.h"
#include "deltahop/io/onnx.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

using Integers = std::vector<int64_t>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor integers(const Integers& values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

Tensor random_tensor(const Shape& shape, uint64_t seed) {
  Random random(seed);
  Tensor tensor = Tensor::zeros(DataType::float32, shape);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

// One node over an input x of `shape` and constants after it.
Network one_node(const std::string& operator_name, const Shape& shape,
                 const std::vector<std::optional<Tensor>>& constants, const Attributes& attributes, int opset,
                 int outputs = 1) {
  NetworkBuilder builder("one");
  std::vector<ValueId> inputs = {builder.input("x", DataType::float32, shape)};
  for (const auto& constant : constants)
    inputs.push_back(constant ? builder.constant("", *constant) : kNoValue);
  for (const ValueId id : builder.node(operator_name, "node", inputs, attributes, outputs, opset))
    builder.output(id);
  return builder.build();
}

Network written_and_read(const Network& network) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / fmt::format("deltahop_forms_{}.onnx", ::getpid());
  save_onnx(network, path);
  Network again = load_network(path.string());
  std::filesystem::remove(path);
  return again;
}

std::vector<std::string> operators_of(const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes()) names.emplace_back(node.layer->operator_name());
  return names;
}

// The operators that were written; their outputs are checked.
std::vector<std::string> round_trip(const Network& network) {
  const Network again = written_and_read(network);
  std::vector<Tensor> inputs;
  for (const NetworkInput& input : network.inputs())
    inputs.push_back(random_tensor(input.declared, inputs.size() + 1));
  const std::vector<Tensor> wanted = execute(network, inputs, {}), found = execute(again, inputs, {});
  EXPECT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(found.at(i) == wanted[i]) << "output " << i;
  return operators_of(again);
}

std::string refusal(const Network& network) {
  try {
    written_and_read(network);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(OnnxForms, SoftmaxOverAMatrixBecomesFlattenSoftmaxReshape) {
  // Shape of a known shape is folded, but stays a node in the file.
  EXPECT_THAT(round_trip(one_node("Softmax", {2, 3, 4}, {}, {{"axis", int64_t{1}}}, 11)),
              ElementsAre("Flatten", "Softmax", "Shape", "Reshape"));
  EXPECT_THAT(round_trip(one_node("Softmax", {2, 3}, {}, {{"axis", int64_t{1}}}, 11)),
              ElementsAre("Softmax"));
  EXPECT_THAT(round_trip(one_node("LogSoftmax", {2, 3, 4}, {}, {{"axis", int64_t{0}}}, 7)),
              ElementsAre("Flatten", "LogSoftmax", "Shape", "Reshape"));
}

TEST(OnnxForms, AnOperandAlongAnAxisGetsDimensionsOfOne) {
  const Attributes along{{"broadcast", int64_t{1}}, {"axis", int64_t{1}}};
  EXPECT_THAT(round_trip(one_node("Add", {2, 3, 4}, {random_tensor({3}, 7)}, along, 6)), ElementsAre("Add"));
  EXPECT_THAT(round_trip(one_node("PRelu", {2, 3, 4}, {random_tensor({3}, 7)}, {}, 6)), ElementsAre("PRelu"));
  NetworkBuilder builder("two");
  const ValueId a = builder.input("a", DataType::float32, {2, 3, 4}),
                b = builder.input("b", DataType::float32, {3});
  builder.output(builder.node("Mul", "node", {a, b}, along, 1, 6)[0]);
  EXPECT_THAT(round_trip(builder.build()), ElementsAre("Unsqueeze", "Mul"));
}

TEST(OnnxForms, AttributesThatBecameInputsAndBack) {
  const Attributes axes{{"axes", Integers{-1}}};
  EXPECT_THAT(round_trip(one_node("ReduceSum", {2, 3}, {}, axes, 11)), ElementsAre("ReduceSum"));
  EXPECT_THAT(round_trip(one_node("ReduceMean", {2, 3}, {integers({-1})}, {}, 18)),
              ElementsAre("ReduceMean"));
  EXPECT_THAT(round_trip(one_node("Clip", {2, 3}, {}, {{"min", -0.5f}, {"max", 0.5f}}, 6)),
              ElementsAre("Clip"));
  EXPECT_THAT(round_trip(one_node("Slice", {4, 3}, {}, {{"starts", Integers{1}}, {"ends", Integers{3}}}, 1)),
              ElementsAre("Slice"));
  EXPECT_THAT(round_trip(one_node("Unsqueeze", {4, 3}, {}, {{"axes", Integers{0, 3}}}, 11)),
              ElementsAre("Unsqueeze"));
  EXPECT_THAT(round_trip(one_node("Reshape", {4, 3}, {}, {{"shape", Integers{2, -1}}}, 1)),
              ElementsAre("Reshape"));
  EXPECT_THAT(round_trip(one_node("Pad", {4, 3}, {}, {{"pads", Integers{1, 0, 0, 2}}, {"value", 1.5f}}, 2)),
              ElementsAre("Pad"));
}

TEST(OnnxForms, UnequalPiecesThatOnlyACountNamesAreWrittenOut) {
  EXPECT_THAT(round_trip(one_node("Split", {5, 2}, {}, {{"num_outputs", int64_t{4}}}, 18, 4)),
              ElementsAre("Split"));
  EXPECT_THAT(round_trip(one_node("Split", {7, 2}, {}, {{"num_outputs", int64_t{3}}}, 18, 3)),
              ElementsAre("Split"));
  EXPECT_THAT(round_trip(one_node("Split", {6, 2}, {}, {{"num_outputs", int64_t{3}}}, 18, 3)),
              ElementsAre("Split"));
  EXPECT_THAT(round_trip(one_node("Split", {7, 2}, {}, {{"split", Integers{1, 6}}}, 2, 2)),
              ElementsAre("Split"));
}

TEST(OnnxForms, PaddingOfSomeAxesIsSpreadOverAll) {
  const Tensor value = Tensor::scalar(2.5f);
  EXPECT_THAT(
      round_trip(one_node("Pad", {2, 3, 4}, {integers({1, 0, 0, 2}), value, integers({-1, 0})}, {}, 18)),
      ElementsAre("Pad"));
  EXPECT_THAT(round_trip(one_node("Pad", {2, 3, 4}, {integers({1, 1}), std::nullopt, integers({2})},
                                  {{"mode", std::string("reflect")}}, 18)),
              ElementsAre("Pad"));
}

TEST(OnnxForms, AnOldMaskOfDropoutIsCastBack) {
  EXPECT_THAT(round_trip(one_node("Dropout", {2, 3}, {}, {}, 7, 2)), ElementsAre("Dropout", "Cast"));
}

TEST(OnnxForms, SignedCodesWithoutAZeroPointGetOne) {
  const Network network =
      one_node("QuantizeLinear", {2, 3}, {Tensor::scalar(0.1f)}, {{"output_dtype", int64_t{3}}}, 21);
  EXPECT_THAT(round_trip(network), ElementsAre("QuantizeLinear"));
}

TEST(OnnxForms, WhatTheWrittenOpsetCannotSayIsRefused) {
  const Attributes dilated{{"kernel_shape", Integers{2, 2}}, {"dilations", Integers{2, 2}}};
  EXPECT_THAT(refusal(one_node("AveragePool", {1, 1, 5, 5}, {}, dilated, 19)),
              HasSubstr("node 'node' (AveragePool)"));
  EXPECT_THAT(refusal(one_node("Pad", {4, 3}, {integers({1, 0, 0, 1})}, {{"mode", std::string("wrap")}}, 19)),
              HasSubstr("wraps around"));
  EXPECT_THAT(
      refusal(one_node("QuantizeLinear", {4}, {Tensor::scalar(0.1f), Tensor::scalar<int16_t>(0)}, {}, 21)),
      HasSubstr("codes of type int16"));
  const Tensor scales = Tensor::of<float>({2}, {0.1f, 0.2f});
  EXPECT_THAT(refusal(one_node("QuantizeLinear", {4}, {scales, Tensor::of<uint8_t>({2}, {0, 1})},
                               {{"block_size", int64_t{2}}, {"axis", int64_t{0}}}, 21)),
              HasSubstr("scales for blocks"));
}

}  // namespace
}  // namespace deltahop
