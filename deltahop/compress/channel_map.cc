// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/channel_map.h"

#include <algorithm>
#include <cmath>

namespace deltahop {
namespace {

std::vector<double> doubles(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float64);
  return {wide.values<double>().begin(), wide.values<double>().end()};
}

const Tensor* constant_at(const Network& network, const Node& node, size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return nullptr;
  return network.value(node.inputs[input]).constant.get();
}

std::optional<ChannelMap> of_batch_normalization(const Network& network, const Node& node, ValueId input,
                                                 int64_t channels) {
  const Attributes attributes = node.layer->attributes();
  if (node.outputs.size() != 1 || node.inputs.size() != 5 || node.inputs[0] != input) return std::nullopt;
  if (attributes.integer("training_mode", 0) != 0 || attributes.integer("spatial", 1) == 0)
    return std::nullopt;
  std::vector<double> parts[4];  // scale, B, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* constant = constant_at(network, node, i + 1);
    if (constant == nullptr || constant->size() != channels) return std::nullopt;
    parts[i] = doubles(*constant);
  }
  const double epsilon = static_cast<double>(attributes.number("epsilon", 1e-5f));
  ChannelMap map(channels);
  for (int64_t k = 0; k < channels; ++k) {
    const size_t i = static_cast<size_t>(k);
    map.scale(k) = parts[0][i] / std::sqrt(parts[3][i] + epsilon);
    map.shift(k) = parts[1][i] - parts[2][i] * map.scale(k);
    if (!std::isfinite(map.scale(k)) || !std::isfinite(map.shift(k))) return std::nullopt;
  }
  return map;
}

// One number a channel, where the constant broadcasts along `axis` of a value with `rank` dimensions and
// nowhere else.
std::optional<std::vector<double>> numbers_by_channel(const Tensor& constant, int64_t channels, size_t axis,
                                                      size_t rank) {
  if (!is_floating(constant.type()) || constant.rank() > rank) return std::nullopt;
  const size_t missing = rank - constant.rank();
  for (size_t i = 0; i < constant.rank(); ++i) {
    const bool along = i + missing == axis && constant.dim(i) == channels;
    if (constant.dim(i) != 1 && !along) return std::nullopt;
  }
  std::vector<double> numbers = doubles(constant);
  if (numbers.size() == 1) numbers.assign(static_cast<size_t>(channels), numbers[0]);
  return numbers;
}

std::optional<ChannelMap> of_arithmetic(const Network& network, const Node& node, ValueId input,
                                        int64_t channels, size_t axis) {
  const std::string_view name = node.layer->operator_name();
  if (node.inputs.size() != 2 || !network.value(input).shape) return std::nullopt;
  const bool input_first = node.inputs[0] == input;
  const Tensor* constant = constant_at(network, node, input_first ? 1 : 0);
  const bool commutes = name == "Add" || name == "Mul";
  if (constant == nullptr || (!input_first && !commutes)) return std::nullopt;
  const auto numbers = numbers_by_channel(*constant, channels, axis, network.value(input).shape->size());
  if (!numbers) return std::nullopt;
  ChannelMap map(channels);
  for (int64_t k = 0; k < channels; ++k) {
    const double number = (*numbers)[static_cast<size_t>(k)];
    if (name == "Add")
      map.shift(k) = number;
    else if (name == "Sub")
      map.shift(k) = -number;
    else if (name == "Mul")
      map.scale(k) = number;
    else
      map.scale(k) = 1.0 / number;
    if (!std::isfinite(map.scale(k)) || !std::isfinite(map.shift(k))) return std::nullopt;
  }
  return map;
}

}  // namespace

bool ChannelMap::shifts() const {
  return std::any_of(shift_.begin(), shift_.end(), [](double shift) { return shift != 0; });
}

bool ChannelMap::is_identity() const {
  return !shifts() && std::all_of(scale_.begin(), scale_.end(), [](double scale) { return scale == 1; });
}

void ChannelMap::follow(const ChannelMap& next) {
  DELTAHOP_CHECK(next.channels() == channels());
  for (size_t k = 0; k < scale_.size(); ++k) {
    scale_[k] *= next.scale_[k];
    shift_[k] = shift_[k] * next.scale_[k] + next.shift_[k];
  }
}

std::optional<ChannelMap> channel_map_of(const Network& network, const Node& node, ValueId input,
                                         int64_t channels, size_t axis) {
  const std::string_view name = node.layer->operator_name();
  if (!node.layer->domain().empty() || node.outputs.empty() || node.outputs[0] == kNoValue)
    return std::nullopt;
  if (name == "BatchNormalization" && axis == 1)
    return of_batch_normalization(network, node, input, channels);
  if (name == "Add" || name == "Sub" || name == "Mul" || name == "Div")
    return of_arithmetic(network, node, input, channels, axis);
  return std::nullopt;
}

bool passes_through(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if (name == "Identity") return true;
  if (name != "Dropout" || node.outputs.empty() || node.outputs[0] == kNoValue) return false;
  // Training mode as an input decides at run time; a mask that nobody reads may go.
  const bool may_train =
      node.inputs.size() > 2 && node.inputs[2] != kNoValue && constant_at(network, node, 2) == nullptr;
  const bool has_mask = node.outputs.size() > 1 && node.outputs[1] != kNoValue;
  return !may_train && !has_mask;
}

std::optional<WeightedNode> WeightedNode::of(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if ((name != "Conv" && name != "Gemm" && name != "MatMul") || !node.layer->domain().empty())
    return std::nullopt;
  WeightedNode weighted;
  weighted.node_ = &node;
  weighted.weights_ = constant_at(network, node, 1);
  if (weighted.weights_ == nullptr || weighted.weights_->type() != DataType::float32) return std::nullopt;
  const Value& output = network.value(node.outputs[0]);
  if (!output.shape || output.shape->size() < 2 || output.constant != nullptr) return std::nullopt;
  weighted.channels_first_ = name == "Conv";
  if (name == "Gemm") {
    const Attributes attributes = node.layer->attributes();
    weighted.alpha_ = static_cast<double>(attributes.number("alpha", 1));
    weighted.beta_ = static_cast<double>(attributes.number("beta", 1));
    weighted.channels_first_ = attributes.integer("transB", 0) != 0;
  }
  if (name != "Conv" && weighted.weights_->rank() != 2) return std::nullopt;
  weighted.channels_ = weighted.weights_->dim(weighted.channels_first_ ? 0 : 1);
  weighted.channel_axis_ = name == "Conv" ? 1 : output.shape->size() - 1;
  weighted.can_shift_ =
      name != "MatMul" || (output.shape->size() == 2 && network.value(node.inputs[0]).shape->size() == 2);
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    weighted.bias_ = constant_at(network, node, 2);
    if (weighted.bias_ == nullptr) return std::nullopt;
    const int64_t size = weighted.bias_->size();
    const bool along = weighted.bias_->rank() > 0 && weighted.bias_->shape().back() == weighted.channels_ &&
                       size == weighted.channels_;
    if (!along && size != 1) return std::nullopt;
  }
  return weighted;
}

Tensor WeightedNode::scaled_weights(const ChannelMap& map) const {
  Tensor scaled = *weights_;
  const auto values = scaled.values<float>();
  const int64_t inner = channels_ == 0 ? 1 : scaled.size() / channels_;
  for (int64_t i = 0; i < scaled.size(); ++i) {
    float& value = values[static_cast<size_t>(i)];
    const int64_t channel = channels_first_ ? i / inner : i % channels_;
    value = static_cast<float>(static_cast<double>(value) * alpha_ * map.scale(channel));
  }
  return scaled;
}

Tensor WeightedNode::bias(const ChannelMap& map) const {
  std::vector<double> given(static_cast<size_t>(channels_), 0.0);
  if (bias_ != nullptr) {
    given = doubles(*bias_);
    if (given.size() == 1) given.assign(static_cast<size_t>(channels_), given[0]);
  }
  std::vector<float> bias;
  for (int64_t k = 0; k < channels_; ++k) {
    bias.push_back(static_cast<float>(beta_ * given[static_cast<size_t>(k)] * map.scale(k) + map.shift(k)));
  }
  return Tensor::of<float>({channels_}, bias);
}

Attributes WeightedNode::attributes() const {
  if (node_->layer->operator_name() == "MatMul") return {};
  Attributes attributes = node_->layer->attributes();
  if (node_->layer->operator_name() == "Gemm") {
    attributes.set("alpha", 1.0f);
    attributes.set("beta", 1.0f);
  }
  return attributes;
}

}  // namespace deltahop
