// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/constant_product.h"

#include <algorithm>

#include "deltahop/run/session_steps.h"

namespace deltahop {
namespace {

std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float32);
  const auto values = wide.values<float>();
  return {values.begin(), values.end()};
}

const Tensor* constant_input(const Network& network, const Node& node, size_t index) {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return nullptr;
  return network.value(node.inputs[index]).constant.get();
}

bool has_input(const Node& node, size_t index) {
  return index < node.inputs.size() && node.inputs[index] != kNoValue;
}

// [rows, columns] of the matrix that multiplies a column vector, from one that lies as [columns, rows].
ProductWeights weights_of(const Tensor& matrix, bool lies_transposed, float factor) {
  ProductWeights result;
  result.rows = lies_transposed ? matrix.dim(0) : matrix.dim(1);
  result.columns = lies_transposed ? matrix.dim(1) : matrix.dim(0);
  const std::vector<float> values = floats_of(matrix);
  result.weights.resize(values.size());
  for (int64_t row = 0; row < result.rows; ++row) {
    for (int64_t k = 0; k < result.columns; ++k) {
      const int64_t from = lies_transposed ? row * result.columns + k : k * result.rows + row;
      result.weights[static_cast<size_t>(row * result.columns + k)] =
          factor * values[static_cast<size_t>(from)];
    }
  }
  return result;
}

std::optional<ConstantProduct> matmul(const Shape& a, const Tensor& b) {
  if (b.rank() != 2 || a.empty()) return std::nullopt;
  return ConstantProduct{weights_of(b, false, 1.0F), element_count(a) / std::max<int64_t>(1, a.back())};
}

std::optional<ConstantProduct> gemm(const Network& network, const Node& node, const Shape& a,
                                    const Tensor& b) {
  const Attributes attributes = node.layer->attributes();
  if (attributes.integer("transA", 0) != 0 || a.size() != 2) return std::nullopt;
  ConstantProduct product{
      weights_of(b, attributes.integer("transB", 0) != 0, attributes.number("alpha", 1.0F)), a[0]};
  if (!has_input(node, 2)) return product;
  const Tensor* const c = constant_input(network, node, 2);
  if (c == nullptr) return std::nullopt;
  const int64_t rows = product.weights.rows;
  const bool is_row = c->size() == rows && (c->rank() == 0 || c->shape().back() == rows);
  if (!is_row && c->size() != 1) return std::nullopt;
  const std::vector<float> values = floats_of(*c);
  for (int64_t row = 0; row < rows; ++row) {
    product.weights.bias.push_back(attributes.number("beta", 1.0F) *
                                   values[c->size() == 1 ? 0 : static_cast<size_t>(row)]);
  }
  return product;
}

// A convolution whose kernel covers the whole map and moves nowhere.
std::optional<ConstantProduct> convolution(const Network& network, const Node& node, const Shape& x,
                                           const Tensor& w) {
  const Attributes attributes = node.layer->attributes();
  const auto& y = network.value(node.outputs.at(0)).shape;
  const std::vector<int64_t> pads = attributes.integers("pads");
  if (!y || attributes.integer("group", 1) != 1 || x.size() < 3 || w.rank() != x.size() ||
      attributes.text("auto_pad", "NOTSET").starts_with("SAME") ||
      std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad != 0; }))
    return std::nullopt;
  for (size_t axis = 2; axis < x.size(); ++axis) {
    if ((*y)[axis] != 1 || x[axis] != w.dim(axis)) return std::nullopt;
  }
  const int64_t rows = w.dim(0);
  ConstantProduct product{weights_of(w.reshaped({rows, w.size() / std::max<int64_t>(1, rows)}), true, 1.0F),
                          x[0]};
  if (!has_input(node, 2)) return product;
  const Tensor* const bias = constant_input(network, node, 2);
  if (bias == nullptr) return std::nullopt;
  product.weights.bias = floats_of(*bias);
  return product;
}

// What reads a state of the step before only by moving its elements.
std::vector<bool> state_values(const Network& network, const std::vector<LoopIndices>& loops) {
  std::vector<bool> is_state(network.values().size(), false);
  for (const LoopIndices& loop : loops)
    is_state[static_cast<size_t>(network.inputs()[loop.input].value)] = true;
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node) || !has_input(node, 0) || !is_state[static_cast<size_t>(node.inputs[0])] ||
        !movement_of(network, node))
      continue;
    for (const ValueId id : node.outputs)
      if (id != kNoValue) is_state[static_cast<size_t>(id)] = true;
  }
  return is_state;
}

}  // namespace

std::optional<ConstantProduct> constant_product_of(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if (!node.layer->domain().empty() || (name != "MatMul" && name != "Gemm" && name != "Conv"))
    return std::nullopt;
  if (!has_input(node, 0) || network.value(node.inputs[0]).constant != nullptr) return std::nullopt;
  const Value& a = network.value(node.inputs[0]);
  const Tensor* const b = constant_input(network, node, 1);
  if (b == nullptr || a.type != DataType::float32 || !a.shape || b->size() == 0 ||
      element_count(*a.shape) == 0)
    return std::nullopt;
  if (name == "MatMul") return matmul(*a.shape, *b);
  if (name == "Gemm") return gemm(network, node, *a.shape, *b);
  return convolution(network, node, *a.shape, *b);
}

std::vector<ProductRole> product_roles(const Network& network, const std::vector<LoopIndices>& loops) {
  const std::vector<Node>& nodes = network.nodes();
  std::vector<ProductRole> roles(nodes.size(), ProductRole::none);
  std::vector<int> maker(network.values().size(), -1);
  const std::vector<bool> is_state = state_values(network, loops);
  std::vector<bool> holds_hidden_sum(network.values().size(), false);
  // Products behind a value, through additions of constants.
  const auto mark_input_products = [&](ValueId id) {
    while (id != kNoValue && maker[static_cast<size_t>(id)] >= 0) {
      const auto n = static_cast<size_t>(maker[static_cast<size_t>(id)]);
      if (constant_product_of(network, nodes[n])) {
        if (roles[n] == ProductRole::none) roles[n] = ProductRole::input;
        return;
      }
      if (nodes[n].layer->operator_name() != "Add") return;
      const bool first_is_constant = network.value(nodes[n].inputs[0]).constant != nullptr;
      if (!first_is_constant && network.value(nodes[n].inputs[1]).constant == nullptr) return;
      id = nodes[n].inputs[first_is_constant ? 1 : 0];
    }
  };
  for (size_t n = 0; n < nodes.size(); ++n) {
    const Node& node = nodes[n];
    for (const ValueId id : node.outputs)
      if (id != kNoValue) maker[static_cast<size_t>(id)] = static_cast<int>(n);
    if (network.is_constant(node) || node.outputs.empty() || node.outputs[0] == kNoValue) continue;
    const auto out = static_cast<size_t>(node.outputs[0]);
    if (has_input(node, 0) && is_state[static_cast<size_t>(node.inputs[0])] &&
        constant_product_of(network, node)) {
      roles[n] = ProductRole::hidden;
      holds_hidden_sum[out] = true;
    }
    if (node.layer->operator_name() != "Add") continue;
    const auto a = static_cast<size_t>(node.inputs[0]), b = static_cast<size_t>(node.inputs[1]);
    if (!holds_hidden_sum[a] && !holds_hidden_sum[b]) continue;
    holds_hidden_sum[out] = true;
    mark_input_products(holds_hidden_sum[a] ? node.inputs[1] : node.inputs[0]);
  }
  return roles;
}

}  // namespace deltahop
