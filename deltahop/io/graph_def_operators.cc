// SPDX-License-Identifier: Apache-2.0
// What each operator of TensorFlow is in ONNX's operators.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "deltahop/io/graph_def_lower.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop::graph_def {
namespace {

using Rule = void (*)(Lowering&);

// The same elements under another order of axes.
Tensor permuted(const Tensor& tensor, const std::vector<size_t>& order) {
  const std::vector<int64_t> strides = strides_of(tensor.shape());
  Shape shape;
  std::vector<int64_t> steps;
  for (const size_t axis : order) {
    shape.push_back(tensor.shape()[axis]);
    steps.push_back(strides[axis]);
  }
  return gather_strided(tensor, 0, shape, steps);
}

void require_channels_last(const Lowering& lowering) {
  const std::string_view format = lowering.node().text("data_format", "NHWC");
  if (format != "NHWC") lowering.refuse(fmt::format("data_format {} is not supported", format), "use NHWC");
}

// [1, rows, columns, 1] as [rows, columns].
std::vector<int64_t> plane(const Lowering& lowering, std::string_view key) {
  const std::vector<int64_t> list = lowering.node().integers(key);
  if (list.empty()) return {1, 1};
  if (list.size() != 4 || list[0] != 1 || list[3] != 1)
    lowering.refuse(fmt::format("{} over images or channels are not supported", key));
  return {list[1], list[2]};
}

void set_padding(const Lowering& lowering, Attributes& attributes) {
  const std::string_view padding = lowering.node().text("padding", "VALID");
  if (padding == "SAME")
    attributes.set("auto_pad", std::string("SAME_UPPER"));
  else if (padding != "VALID")
    lowering.refuse(fmt::format("the padding '{}' is not supported", padding), "VALID and SAME are");
}

std::shared_ptr<const Tensor> filter(Lowering& lowering) {
  auto tensor = lowering.constant_input(1, "the filter");
  if (tensor->rank() != 4)
    lowering.refuse(fmt::format("the filter is {}", to_text(tensor->shape())), "want four dimensions");
  return tensor;
}

// weights: [out, in / groups, rows, columns]
void finish_convolution(Lowering& lowering, Tensor weights, int64_t groups) {
  require_channels_last(lowering);
  Attributes attributes{{"strides", plane(lowering, "strides")},
                        {"dilations", plane(lowering, "dilations")},
                        {"group", groups}};
  set_padding(lowering, attributes);
  const int64_t channels = weights.dim(0);
  std::vector<ValueId> inputs = {lowering.input_channels_first(0),
                                 lowering.add_constant("/weights", std::move(weights))};
  if (const auto bias = lowering.take_bias(channels)) inputs.push_back(*bias);
  lowering.give(lowering.add("Conv", std::move(inputs), std::move(attributes)), true);
}

// filter: [rows, columns, in, out]
void convolution(Lowering& lowering) {
  finish_convolution(lowering, permuted(*filter(lowering), {3, 2, 0, 1}), 1);
}

// filter: [rows, columns, in, multiplier]; output channel in * multiplier + m.
void depthwise_convolution(Lowering& lowering) {
  const auto tensor = filter(lowering);
  const int64_t channels = tensor->dim(2), out = channels * tensor->dim(3);
  if (out == 0) lowering.refuse("the filter is empty");
  finish_convolution(
      lowering, permuted(*tensor, {2, 3, 0, 1}).reshaped({out, 1, tensor->dim(0), tensor->dim(1)}), channels);
}

void batch_normalization(Lowering& lowering) {
  require_channels_last(lowering);
  if (lowering.node().flag("is_training", true))
    lowering.refuse("is_training is set", "freeze the graph for inference");
  std::vector<ValueId> inputs = {lowering.input_channels_first(0)};
  for (const size_t i : {1, 2, 3, 4}) inputs.push_back(lowering.input(i));
  const auto epsilon = static_cast<float>(lowering.node().number("epsilon", 1e-4));
  lowering.give(lowering.add("BatchNormalization", std::move(inputs), {{"epsilon", epsilon}}), true);
}

void pool(Lowering& lowering, const std::string& operator_name) {
  require_channels_last(lowering);
  Attributes attributes{{"kernel_shape", plane(lowering, "ksize")}, {"strides", plane(lowering, "strides")}};
  set_padding(lowering, attributes);
  lowering.give(lowering.add(operator_name, {lowering.input_channels_first(0)}, std::move(attributes)), true);
}
void max_pool(Lowering& lowering) { pool(lowering, "MaxPool"); }
void average_pool(Lowering& lowering) { pool(lowering, "AveragePool"); }

// a: [rows, k], b: [k, columns]
void matrix_product(Lowering& lowering) {
  const bool transpose_a = lowering.node().flag("transpose_a", false),
             transpose_b = lowering.node().flag("transpose_b", false);
  const auto weights = lowering.constants().find(lowering.file().input(lowering.ref(), 1));
  std::vector<ValueId> inputs = {lowering.input(0), lowering.input(1)};
  if (weights != nullptr && weights->rank() == 2) {
    const int64_t columns = weights->dim(transpose_b ? 0 : 1);
    if (const auto bias = lowering.take_bias(columns)) inputs.push_back(*bias);
  }
  Attributes attributes;
  if (transpose_a) attributes.set("transA", int64_t{1});
  if (transpose_b) attributes.set("transB", int64_t{1});
  const bool is_plain = inputs.size() == 2 && !transpose_a && !transpose_b;
  lowering.give(lowering.add(is_plain ? "MatMul" : "Gemm", std::move(inputs), std::move(attributes)));
}

// One value in, one out, element by element: where the channels lie does not matter.
void unary(Lowering& lowering, const std::string& operator_name, Attributes attributes = {}) {
  const bool channels_first = lowering.lies_channels_first(0);
  const ValueId x = channels_first ? lowering.input_channels_first(0) : lowering.input(0);
  lowering.give(lowering.add(operator_name, {x}, std::move(attributes)), channels_first);
}

void relu6(Lowering& lowering) {
  const bool channels_first = lowering.lies_channels_first(0);
  const ValueId x = channels_first ? lowering.input_channels_first(0) : lowering.input(0);
  const ValueId least = lowering.add_constant("/least", Tensor::scalar(0.0f));
  const ValueId most = lowering.add_constant("/most", Tensor::scalar(6.0f));
  lowering.give(lowering.add("Clip", {x, least, most}), channels_first);
}

void reciprocal_root(Lowering& lowering) {
  const ValueId root = lowering.add("Sqrt", {lowering.input(0)}, {}, "/root");
  lowering.give(lowering.add("Reciprocal", {root}));
}

// Two values, broadcast. With channels first only where both lie so, or the other is one number a channel.
void binary(Lowering& lowering, const std::string& operator_name) {
  const bool first[2] = {lowering.lies_channels_first(0), lowering.lies_channels_first(1)};
  if (first[0] != first[1]) {
    const size_t other = first[0] ? 1 : 0;
    const auto tensor = lowering.constants().find(lowering.file().input(lowering.ref(), other));
    if (tensor != nullptr && tensor->rank() <= 1) {
      const Shape shape = tensor->rank() == 0 ? Shape{} : Shape{tensor->size(), 1, 1};
      const ValueId constant = lowering.add_constant("/constant", Tensor(*tensor).reshaped(shape));
      const ValueId x = lowering.input_channels_first(1 - other);
      std::vector<ValueId> inputs = {other == 0 ? constant : x, other == 0 ? x : constant};
      lowering.give(lowering.add(operator_name, std::move(inputs)), true);
      return;
    }
  }
  const bool both = first[0] && first[1];
  std::vector<ValueId> inputs;
  for (const size_t i : {0, 1}) inputs.push_back(both ? lowering.input_channels_first(i) : lowering.input(i));
  lowering.give(lowering.add(operator_name, std::move(inputs)), both);
}

void bias_sum(Lowering& lowering) {
  require_channels_last(lowering);
  binary(lowering, "Add");
}

void softmax(Lowering& lowering) {
  lowering.give(lowering.add("Softmax", {lowering.input(0)}, {{"axis", int64_t{-1}}}));
}

void squeeze(Lowering& lowering) {
  std::vector<ValueId> inputs = {lowering.input(0)};
  const std::vector<int64_t> axes = lowering.node().integers("squeeze_dims");
  if (!axes.empty())
    inputs.push_back(
        lowering.add_constant("/axes", Tensor::of<int64_t>({static_cast<int64_t>(axes.size())}, axes)));
  lowering.give(lowering.add("Squeeze", std::move(inputs)));
}

void expand_dimensions(Lowering& lowering) {
  const std::vector<int64_t> axes = lowering.integer_input(1, "the axis");
  const ValueId constant =
      lowering.add_constant("/axes", Tensor::of<int64_t>({static_cast<int64_t>(axes.size())}, axes));
  lowering.give(lowering.add("Unsqueeze", {lowering.input(0), constant}));
}

void transpose(Lowering& lowering) {
  lowering.give(
      lowering.add("Transpose", {lowering.input(0)}, {{"perm", lowering.integer_input(1, "the order")}}));
}

void concatenation(Lowering& lowering) {
  const size_t parts = lowering.node().inputs.size() - (lowering.node().inputs.empty() ? 0 : 1);
  const std::vector<int64_t> axis = lowering.integer_input(parts, "the axis");
  if (axis.size() != 1) lowering.refuse("wants one axis");
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < parts; ++i) inputs.push_back(lowering.input(i));
  lowering.give(lowering.add("Concat", std::move(inputs), {{"axis", axis[0]}}));
}

void mean(Lowering& lowering) {
  const Attributes attributes{{"axes", lowering.integer_input(1, "the axes")},
                              {"keepdims", int64_t{lowering.node().flag("keep_dims", false) ? 1 : 0}}};
  lowering.give(lowering.add("ReduceMean", {lowering.input(0)}, attributes));
}

const std::map<std::string_view, Rule>& rules() {
  static const auto* const map = new std::map<std::string_view, Rule>{
      {"Add", [](Lowering& lowering) { binary(lowering, "Add"); }},
      {"AddV2", [](Lowering& lowering) { binary(lowering, "Add"); }},
      {"AvgPool", average_pool},
      {"BiasAdd", bias_sum},
      {"ConcatV2", concatenation},
      {"Conv2D", convolution},
      {"DepthwiseConv2dNative", depthwise_convolution},
      {"Exit", [](Lowering& lowering) { lowering.lower_loop_output(); }},
      {"ExpandDims", expand_dimensions},
      {"FusedBatchNorm", batch_normalization},
      {"FusedBatchNormV2", batch_normalization},
      {"FusedBatchNormV3", batch_normalization},
      {"MatMul", matrix_product},
      {"MaxPool", max_pool},
      {"Mean", mean},
      {"Mfcc", [](Lowering& lowering) { lowering.lower_front_end(); }},
      {"Mul", [](Lowering& lowering) { binary(lowering, "Mul"); }},
      {"Placeholder", [](Lowering& lowering) { lowering.lower_input(); }},
      {"RealDiv", [](Lowering& lowering) { binary(lowering, "Div"); }},
      {"Relu", [](Lowering& lowering) { unary(lowering, "Relu"); }},
      {"Relu6", relu6},
      {"Reshape", [](Lowering& lowering) { lowering.lower_reshape(); }},
      {"Rsqrt", reciprocal_root},
      {"Sigmoid", [](Lowering& lowering) { unary(lowering, "Sigmoid"); }},
      {"Softmax", softmax},
      {"Squeeze", squeeze},
      {"Sub", [](Lowering& lowering) { binary(lowering, "Sub"); }},
      {"Tanh", [](Lowering& lowering) { unary(lowering, "Tanh"); }},
      {"TensorArrayGatherV3", [](Lowering& lowering) { lowering.lower_gathered_output(); }},
      {"Transpose", transpose}};
  return *map;
}

}  // namespace

void lower_operator(Lowering& lowering) {
  const auto rule = rules().find(lowering.node().op);
  if (rule == rules().end())
    lowering.refuse("the operator is not supported", "freeze the graph for inference, or convert it to ONNX");
  rule->second(lowering);
}

}  // namespace deltahop::graph_def
