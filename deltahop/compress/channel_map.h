// SPDX-License-Identifier: Apache-2.0
// Nodes that multiply each channel by a constant and add a constant to it, and nodes with weights that can
// take such a map into their weights and bias: y = scale[k] * x + shift[k].
#pragma once

#include <optional>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

class ChannelMap {
 public:
  explicit ChannelMap(int64_t channels)
      : scale_(static_cast<size_t>(channels), 1.0), shift_(static_cast<size_t>(channels), 0.0) {}

  double& scale(int64_t channel) { return scale_[static_cast<size_t>(channel)]; }
  double& shift(int64_t channel) { return shift_[static_cast<size_t>(channel)]; }
  double scale(int64_t channel) const { return scale_[static_cast<size_t>(channel)]; }
  double shift(int64_t channel) const { return shift_[static_cast<size_t>(channel)]; }
  int64_t channels() const { return static_cast<int64_t>(scale_.size()); }
  bool shifts() const;
  bool is_identity() const;
  // This map first, then the other.
  void follow(const ChannelMap& next);

 private:
  std::vector<double> scale_, shift_;
};

// What a node does to the channels of `input`, which lie along `axis` of it: BatchNormalization, and Add,
// Sub, Mul, Div with a constant that differs along the channels only. Absent for other nodes.
std::optional<ChannelMap> channel_map_of(const Network& network, const Node& node, ValueId input,
                                         int64_t channels, size_t axis);

// Dropout and Identity, as they are when nothing is trained.
bool passes_through(const Network& network, const Node& node);

// A Conv, Gemm or MatMul with constant float32 weights and a constant bias or none.
class WeightedNode {
 public:
  static std::optional<WeightedNode> of(const Network& network, const Node& node);

  const Node& node() const { return *node_; }
  int64_t channels() const { return channels_; }
  size_t channel_axis() const { return channel_axis_; }  // of the output
  // A stack of products has no operator with a bias.
  bool can_shift() const { return can_shift_; }
  // Gemm's own factors, which go into weights and bias as well.
  bool has_factors() const { return alpha_ != 1 || beta_ != 1; }
  Tensor scaled_weights(const ChannelMap& map) const;
  Tensor bias(const ChannelMap& map) const;  // [K]
  // Of the operator that takes the new weights: Gemm's factors are 1 then.
  Attributes attributes() const;

 private:
  const Node* node_ = nullptr;
  const Tensor* weights_ = nullptr;
  const Tensor* bias_ = nullptr;
  int64_t channels_ = 0;
  size_t channel_axis_ = 1;
  bool can_shift_ = true;
  bool channels_first_ = true;  // of the weights
  double alpha_ = 1, beta_ = 1;
};

}  // namespace deltahop
