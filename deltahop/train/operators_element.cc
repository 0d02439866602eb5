// SPDX-License-Identifier: Apache-2.0
// Element by element, products by a matrix, sums over axes, dropout.
#include <limits>
#include <map>

#include "deltahop/train/operators.h"

namespace deltahop {
namespace {

using Integers = std::vector<int64_t>;
using Unary = torch::Tensor (*)(const torch::Tensor&);
using Binary = torch::Tensor (*)(const torch::Tensor&, const torch::Tensor&);

template <Unary function>
NodeFunction make_unary(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors { return {function(in[0])}; };
}

template <Binary function>
NodeFunction make_binary(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors {
    torch::Tensor result = in[0];
    for (size_t i = 1; i < in.size(); ++i) result = function(result, in[i]);
    return {result};
  };
}

torch::Tensor relu(const torch::Tensor& x) { return at::relu(x); }
torch::Tensor sigmoid(const torch::Tensor& x) { return at::sigmoid(x); }
torch::Tensor hyperbolic_tangent(const torch::Tensor& x) { return at::tanh(x); }
torch::Tensor negative(const torch::Tensor& x) { return at::neg(x); }
torch::Tensor magnitude(const torch::Tensor& x) { return at::abs(x); }
torch::Tensor square_root(const torch::Tensor& x) { return at::sqrt(x); }
torch::Tensor exponential(const torch::Tensor& x) { return at::exp(x); }
torch::Tensor logarithm(const torch::Tensor& x) { return at::log(x); }
torch::Tensor softplus(const torch::Tensor& x) { return at::softplus(x); }
torch::Tensor softsign(const torch::Tensor& x) { return x / (1 + at::abs(x)); }
torch::Tensor sum(const torch::Tensor& a, const torch::Tensor& b) { return a + b; }
torch::Tensor difference(const torch::Tensor& a, const torch::Tensor& b) { return a - b; }
torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b) { return a * b; }
torch::Tensor quotient(const torch::Tensor& a, const torch::Tensor& b) { return a / b; }
torch::Tensor larger(const torch::Tensor& a, const torch::Tensor& b) { return at::maximum(a, b); }
torch::Tensor smaller(const torch::Tensor& a, const torch::Tensor& b) { return at::minimum(a, b); }

NodeFunction make_matmul(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors { return {at::matmul(in[0], in[1])}; };
}

NodeFunction make_gemm(const NodeSource& source) {
  const double alpha = static_cast<double>(source.attributes().number("alpha", 1.0f));
  const double beta = static_cast<double>(source.attributes().number("beta", 1.0f));
  const bool transpose_a = source.attributes().integer("transA", 0) != 0;
  const bool transpose_b = source.attributes().integer("transB", 0) != 0;
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    const torch::Tensor a = transpose_a ? in[0].t() : in[0], b = transpose_b ? in[1].t() : in[1];
    if (in.size() > 2 && in[2].defined()) return {at::addmm(in[2], a, b, beta, alpha)};
    return {alpha == 1.0 ? at::mm(a, b) : at::mm(a, b) * alpha};
  };
}

NodeFunction make_leaky_relu(const NodeSource& source) {
  const double alpha = static_cast<double>(source.attributes().number("alpha", 0.01f));
  return [alpha](const Tensors& in, const ForwardCall&) -> Tensors { return {at::leaky_relu(in[0], alpha)}; };
}

NodeFunction make_elu(const NodeSource& source) {
  const double alpha = static_cast<double>(source.attributes().number("alpha", 1.0f));
  return [alpha](const Tensors& in, const ForwardCall&) -> Tensors { return {at::elu(in[0], alpha)}; };
}

NodeFunction make_hard_sigmoid(const NodeSource& source) {
  const double alpha = static_cast<double>(source.attributes().number("alpha", 0.2f));
  const double beta = static_cast<double>(source.attributes().number("beta", 0.5f));
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    return {at::clamp(in[0] * alpha + beta, 0.0, 1.0)};
  };
}

NodeFunction make_prelu(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors {
    return {at::where(in[0] < 0, in[0] * in[1], in[0])};
  };
}

NodeFunction make_clip(const NodeSource& source) {
  const double low = source.number(1, -std::numeric_limits<double>::infinity());
  const double high = source.number(2, std::numeric_limits<double>::infinity());
  return [=](const Tensors& in, const ForwardCall&) -> Tensors { return {at::clamp(in[0], low, high)}; };
}

NodeFunction make_softmax(const NodeSource& source) {
  if (source.attributes().integer("flatten", 0) != 0 && source.shape(0).size() > 2)
    source.refuse("normalises several axes at once", "give it one axis");
  const int64_t axis = source.attributes().integer("axis", -1);
  const bool logarithm = source.node().layer->operator_name() == "LogSoftmax";
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    return {logarithm ? at::log_softmax(in[0], axis) : at::softmax(in[0], axis)};
  };
}

NodeFunction make_dropout(const NodeSource& source) {
  if (source.node().outputs.size() > 1) source.refuse("the mask of what is dropped cannot be an output");
  const double ratio = source.number(1, 0.5);
  return [ratio](const Tensors& in, const ForwardCall& call) -> Tensors {
    return {call.training ? at::dropout(in[0], ratio, true) : in[0]};
  };
}

NodeFunction make_reduce(const NodeSource& source) {
  const bool keep = source.attributes().integer("keepdims", 1) != 0;
  const bool mean = source.node().layer->operator_name() == "ReduceMean";
  Integers axes;
  if (source.has(1)) axes = source.integers(1);
  const auto batch = source.batch_axis();
  const int64_t rank = static_cast<int64_t>(source.shape(0).size());
  for (const int64_t axis : axes)
    if (batch && (axis < 0 ? axis + rank : axis) == *batch) source.refuse("reduces the batch itself");
  if (axes.empty()) source.refuse("reduces every axis, the batch among them", "name the axes");
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    return {mean ? at::mean(in[0], axes, keep) : at::sum(in[0], axes, keep)};
  };
}

NodeFunction make_layer_normalization(const NodeSource& source) {
  const int64_t rank = static_cast<int64_t>(source.shape(0).size()),
                given = source.attributes().integer("axis", -1);
  const int64_t axis = given < 0 ? given + rank : given;
  const double epsilon = static_cast<double>(source.attributes().number("epsilon", 1e-5f));
  if (source.node().outputs.size() > 1) source.refuse("mean and deviation as outputs cannot be trained");
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    const Integers sizes = in[0].sizes().vec();
    const torch::Tensor y =
        at::layer_norm(in[0], Integers(sizes.begin() + axis, sizes.end()), {}, {}, epsilon);
    return {in.size() > 2 && in[2].defined() ? y * in[1] + in[2] : y * in[1]};
  };
}

}  // namespace

NodeMaker find_element_maker(std::string_view name) {
  static const std::map<std::string_view, NodeMaker> kMakers = {
      {"Relu", make_unary<relu>},
      {"Sigmoid", make_unary<sigmoid>},
      {"Tanh", make_unary<hyperbolic_tangent>},
      {"Neg", make_unary<negative>},
      {"Abs", make_unary<magnitude>},
      {"Sqrt", make_unary<square_root>},
      {"Exp", make_unary<exponential>},
      {"Log", make_unary<logarithm>},
      {"Softplus", make_unary<softplus>},
      {"Softsign", make_unary<softsign>},
      {"Add", make_binary<sum>},
      {"Sum", make_binary<sum>},
      {"Sub", make_binary<difference>},
      {"Mul", make_binary<product>},
      {"Div", make_binary<quotient>},
      {"Max", make_binary<larger>},
      {"Min", make_binary<smaller>},
      {"MatMul", make_matmul},
      {"Gemm", make_gemm},
      {"LeakyRelu", make_leaky_relu},
      {"Elu", make_elu},
      {"HardSigmoid", make_hard_sigmoid},
      {"PRelu", make_prelu},
      {"Clip", make_clip},
      {"Softmax", make_softmax},
      {"LogSoftmax", make_softmax},
      {"Dropout", make_dropout},
      {"ReduceMean", make_reduce},
      {"ReduceSum", make_reduce},
      {"LayerNormalization", make_layer_normalization}};
  const auto found = kMakers.find(name);
  return found == kMakers.end() ? nullptr : found->second;
}

}  // namespace deltahop
