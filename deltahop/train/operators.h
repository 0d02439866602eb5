// SPDX-License-Identifier: Apache-2.0
// The operators that can be trained, as LibTorch calls: one maker each, by ONNX name. Private to train/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/train/graph.h"
#include "deltahop/train/torch.h"

namespace deltahop {

using Tensors = std::vector<torch::Tensor>;

// What one forward() has in common.
struct ForwardCall {
  bool training = false;
  int64_t batch = 1;
  torch::Tensor lengths;  // [batch], or undefined
  ForwardHooks& hooks;
};
// inputs: as the node's, undefined where absent.
using NodeFunction = std::function<Tensors(const Tensors& inputs, const ForwardCall& call)>;

// A node with what is known of it at a batch of one.
class NodeSource {
 public:
  NodeSource(const Network& network, const Node& node, std::optional<int64_t> batch_axis)
      : network_(network), node_(node), batch_axis_(batch_axis), attributes_(node.layer->attributes()) {}

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return attributes_; }
  std::optional<int64_t> batch_axis() const { return batch_axis_; }  // of the first input
  bool has(size_t input) const { return input < node_.inputs.size() && node_.inputs[input] != kNoValue; }
  const Tensor* constant(size_t input) const;          // null where it is none
  std::vector<int64_t> integers(size_t input) const;   // Throws Error where the input is no constant.
  double number(size_t input, double fallback) const;  // the same; fallback where the input is absent
  Shape shape(size_t input) const;
  Shape output_shape() const;
  [[noreturn]] void refuse(std::string_view what, std::string_view hint = {}) const;

 private:
  const Network& network_;
  const Node& node_;
  std::optional<int64_t> batch_axis_;
  Attributes attributes_;
};

// Throws Error naming the node where it cannot be trained.
NodeFunction make_node_function(const NodeSource& source);
// What training does with a floating constant at this input: a parameter of this role, or nothing (absent).
std::optional<ForwardHooks::Role> trained_role(std::string_view operator_name, size_t input);
// Running statistics of batch normalisation.
bool is_buffer(std::string_view operator_name, size_t input);
// Where the batch lies in the node's outputs, by where it lies in its first input.
std::optional<int64_t> batch_axis_behind(const NodeSource& source, size_t output);

// The makers by family; null where the family has no such operator.
using NodeMaker = NodeFunction (*)(const NodeSource&);
NodeMaker find_window_maker(std::string_view operator_name);     // Conv, pooling, BatchNormalization, LRN
NodeMaker find_shape_maker(std::string_view operator_name);      // Reshape, Transpose, Slice, ...
NodeMaker find_element_maker(std::string_view operator_name);    // Relu, Add, Gemm, MatMul, Dropout, ...
NodeMaker find_recurrent_maker(std::string_view operator_name);  // GRU, LSTM, RNN

}  // namespace deltahop
