// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/network_plan.h"

#include <limits>

#include <fmt/format.h>

namespace deltahop {
namespace {

using Integers = std::vector<int64_t>;

Tensor integers_tensor(const Integers& values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

}  // namespace

NetworkPlan::NetworkPlan(std::string name, const std::string& input, const Shape& shape,
                         const std::string& time_name, const std::vector<LayerDescription>& layers,
                         const std::vector<std::string>& outputs)
    : name_(std::move(name)), time_name_(time_name) {
  std::map<std::string, Id> made;  // what a layer's name stands for: its last value
  Shape planned = shape;
  if (!time_name.empty()) planned.at(0) = 1;
  made[input] = add_value({input, DataType::float32, std::move(planned), nullptr, false, {}});
  Id last = 0;
  for (const LayerDescription& layer : layers) {
    place_ = layer.place;
    std::vector<Id> inputs;
    for (const std::string& source : layer.inputs) inputs.push_back(made.at(source));
    last = add_layer(layer, std::move(inputs));
    made[layer.name] = last;
  }
  for (const std::string& output : outputs) {
    const auto found = made.find(output);
    if (found == made.end()) throw Error(name_, fmt::format("the output '{}' is no layer", output));
    outputs_.push_back(found->second);
  }
  if (outputs_.empty()) outputs_.push_back(last);
}

NetworkPlan::Id NetworkPlan::add_value(PlannedValue value) {
  if (!names_.emplace(value.name, values_.size()).second)
    throw Error(place_, fmt::format("two values are called '{}'", value.name));
  values_.push_back(std::move(value));
  return values_.size() - 1;
}

NetworkPlan::Id NetworkPlan::parameter(const std::string& name, Shape parameter_shape, ParameterRole role,
                                       int64_t fan_in) {
  PlannedValue value;
  value.name = name;
  value.shape = parameter_shape;
  value.is_parameter = true;
  value.parameter = {name, std::move(parameter_shape), role, fan_in};
  return add_value(std::move(value));
}

NetworkPlan::Id NetworkPlan::constant(const std::string& name, Tensor tensor) {
  PlannedValue value{name, tensor.type(), tensor.shape(), nullptr, false, {}};
  value.constant = std::make_shared<const Tensor>(std::move(tensor));
  return add_value(std::move(value));
}

NetworkPlan::Id NetworkPlan::node(const std::string& operator_name, const std::string& name,
                                  std::vector<Id> inputs, Attributes attributes, size_t output_index) {
  LayerArguments arguments;
  arguments.operator_name = operator_name;
  arguments.attributes = std::move(attributes);
  arguments.output_count = static_cast<int>(output_index) + 1;
  std::vector<std::optional<ValueInfo>> infos;
  for (const Id id : inputs) {
    arguments.inputs.push_back({true, std::nullopt, values_[id].constant.get()});
    infos.push_back(ValueInfo{values_[id].type, values_[id].shape, values_[id].constant.get()});
  }
  PlannedNode planned{name, nullptr, std::move(inputs), 0, output_index};
  PlannedValue output;
  output.name = name;
  try {
    planned.layer = make_layer(arguments);
    const std::vector<ValueInfo> inferred = planned.layer->infer(infos);
    DELTAHOP_CHECK(output_index < inferred.size() && inferred[output_index].shape.has_value());
    output.type = inferred[output_index].type;
    output.shape = *inferred[output_index].shape;
    element_count(output.shape);
  } catch (const Error& error) {
    throw Error(place_, fmt::format("layer '{}': {}", name, error.what()));
  }
  planned.output = add_value(std::move(output));
  nodes_.push_back(std::move(planned));
  return nodes_.back().output;
}

int64_t NetworkPlan::channels(Id id) const {
  if (shape(id).size() < 2)
    throw Error(place_, fmt::format("its input has the shape {}, without channels", to_text(shape(id))));
  return shape(id)[1];
}

NetworkPlan::Id NetworkPlan::add_activation(const std::string& activation, const std::string& name,
                                            Id input) {
  if (activation == "relu") return node("Relu", name, {input});
  if (activation == "sigmoid") return node("Sigmoid", name, {input});
  if (activation == "tanh") return node("Tanh", name, {input});
  if (activation == "relu6") {
    const Id low = constant(name + ".low", Tensor::scalar<float>(0)),
             high = constant(name + ".high", Tensor::scalar<float>(6));
    return node("Clip", name, {input, low, high});
  }
  return input;
}

NetworkPlan::Id NetworkPlan::add_batch_norm(const LayerDescription& layer, const std::string& name,
                                            Id input) {
  const int64_t count = channels(input);
  const Id scale = parameter(name + ".weight", {count}, ParameterRole::scale);
  const Id bias = parameter(name + ".bias", {count}, ParameterRole::bias);
  const Id mean = parameter(name + ".running_mean", {count}, ParameterRole::mean);
  const Id variance = parameter(name + ".running_var", {count}, ParameterRole::variance);
  return node("BatchNormalization", name, {input, scale, bias, mean, variance},
              {{"epsilon", static_cast<float>(layer.epsilon)}});
}

// Batch normalisation and activation that a layer names for itself.
NetworkPlan::Id NetworkPlan::add_tail(const LayerDescription& layer, Id sums) {
  if (!layer.batch_norm.empty()) sums = add_batch_norm(layer, layer.batch_norm, sums);
  return add_activation(layer.activation, fmt::format("{}.{}", layer.name, layer.activation), sums);
}

NetworkPlan::Id NetworkPlan::add_convolution(const LayerDescription& layer, Id input) {
  if (shape(input).size() != 4)
    throw Error(layer.place, fmt::format("layer '{}': a convolution of an input of shape {}", layer.name,
                                         to_text(shape(input))));
  const int64_t in_channels = channels(input);
  const bool depthwise = layer.type == "depthwise_conv";
  const int64_t groups = depthwise ? in_channels : layer.groups;
  const int64_t out_channels = depthwise ? in_channels : layer.out_channels;
  if (in_channels % groups != 0 || out_channels % groups != 0) {
    throw Error(layer.place,
                fmt::format("layer '{}': {} groups do not divide its {} input and {} output channels",
                            layer.name, groups, in_channels, out_channels));
  }
  const Shape weights = {out_channels, in_channels / groups, layer.kernel[0], layer.kernel[1]};
  std::vector<Id> inputs = {input, parameter(layer.name + ".weight", weights, ParameterRole::weight,
                                             weights[1] * weights[2] * weights[3])};
  if (layer.bias) inputs.push_back(parameter(layer.name + ".bias", {out_channels}, ParameterRole::bias));
  const Attributes attributes = {{"kernel_shape", layer.kernel},
                                 {"strides", layer.stride},
                                 {"dilations", layer.dilation},
                                 {"pads", layer.pad},
                                 {"group", groups}};
  return add_tail(layer, node("Conv", layer.name, std::move(inputs), attributes));
}

NetworkPlan::Id NetworkPlan::add_fully_connected(const LayerDescription& layer, Id input) {
  if (shape(input).size() != 2)
    input = node("Flatten", layer.name + ".flatten", {input}, {{"axis", int64_t{1}}});
  const int64_t in_features = shape(input)[1];
  std::vector<Id> inputs = {input, parameter(layer.name + ".weight", {layer.out_channels, in_features},
                                             ParameterRole::weight, in_features)};
  if (layer.bias)
    inputs.push_back(parameter(layer.name + ".bias", {layer.out_channels}, ParameterRole::bias));
  return add_tail(layer, node("Gemm", layer.name, std::move(inputs), {{"transB", int64_t{1}}}));
}

// As PyTorch's: the reset gate multiplies the product. The layer's name is that of what the next layer reads.
NetworkPlan::Id NetworkPlan::add_gru(const LayerDescription& layer, Id input) {
  const Shape& from = shape(input);
  if (from.size() != 3 || from[1] != 1)
    throw Error(layer.place, fmt::format("layer '{}': a GRU reads [time, 1, features], not {}", layer.name,
                                         to_text(from)));
  const int64_t features = from[2], units = layer.units;
  const Id weights = parameter(layer.name + ".W", {1, 3 * units, features}, ParameterRole::weight, features),
           recurrent = parameter(layer.name + ".R", {1, 3 * units, units}, ParameterRole::weight, units),
           bias = parameter(layer.name + ".B", {1, 6 * units}, ParameterRole::bias);
  const Id states = node("GRU", layer.name, {input, weights, recurrent, bias},
                         {{"hidden_size", units}, {"linear_before_reset", int64_t{1}}}, layer.last ? 1 : 0);
  const Id axis = constant(layer.name + ".direction", integers_tensor({layer.last ? 0 : 1}));
  return node("Squeeze", layer.name + ".states", {states, axis});
}

NetworkPlan::Id NetworkPlan::add_pooling(const LayerDescription& layer, Id input) {
  Attributes attributes = {{"kernel_shape", layer.kernel},
                           {"strides", layer.stride},
                           {"pads", layer.pad},
                           {"ceil_mode", int64_t{layer.ceil}}};
  if (layer.type == "max_pool") return node("MaxPool", layer.name, {input}, std::move(attributes));
  attributes.set("count_include_pad", int64_t{layer.count_padding});
  return node("AveragePool", layer.name, {input}, std::move(attributes));
}

// One factor and one offset a channel: the trainable sub-sampling of [LeCun1998].
NetworkPlan::Id NetworkPlan::add_scale_shift(const LayerDescription& layer, Id input) {
  const Shape per_channel = {channels(input), 1, 1};
  const Id factor = parameter(layer.name + ".weight", per_channel, ParameterRole::scale);
  const Id offset = parameter(layer.name + ".bias", per_channel, ParameterRole::bias);
  return node("Add", layer.name, {node("Mul", layer.name + ".scaled", {input, factor}), offset});
}

NetworkPlan::Id NetworkPlan::add_shape_change(const LayerDescription& layer, Id input) {
  if (layer.type == "gather_channels") {
    const Id indices = constant(layer.name + ".channels", integers_tensor(layer.channels));
    for (const int64_t channel : layer.channels) {
      if (channel >= channels(input))
        throw Error(layer.place, fmt::format("layer '{}': its input has no channel {}", layer.name, channel));
    }
    return node("Gather", layer.name, {input, indices}, {{"axis", int64_t{1}}});
  }
  if (layer.type == "subsample") {
    constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
    const Id starts = constant(layer.name + ".starts", integers_tensor({0, 0})),
             ends = constant(layer.name + ".ends", integers_tensor({kEnd, kEnd}));
    const Id axes = constant(layer.name + ".axes", integers_tensor({2, 3})),
             steps = constant(layer.name + ".steps", integers_tensor(layer.stride));
    return node("Slice", layer.name, {input, starts, ends, axes, steps});
  }
  Integers pads(2 * shape(input).size(), 0);
  channels(input);
  pads[1] = layer.before;
  pads[shape(input).size() + 1] = layer.after;
  return node("Pad", layer.name, {input, constant(layer.name + ".pads", integers_tensor(pads))});
}

NetworkPlan::Id NetworkPlan::add_layer(const LayerDescription& layer, std::vector<Id> inputs) {
  const std::string& type = layer.type;
  const Id input = inputs.front();
  if (type == "conv" || type == "depthwise_conv") return add_convolution(layer, input);
  if (type == "fc") return add_fully_connected(layer, input);
  if (type == "gru") return add_gru(layer, input);
  if (type == "max_pool" || type == "average_pool") return add_pooling(layer, input);
  if (type == "global_average_pool") return node("GlobalAveragePool", layer.name, {input});
  if (type == "relu" || type == "relu6" || type == "sigmoid" || type == "tanh")
    return add_activation(type, layer.name, input);
  if (type == "softmax") return node("Softmax", layer.name, {input}, {{"axis", layer.axis}});
  if (type == "dropout")
    return node(
        "Dropout", layer.name,
        {input, constant(layer.name + ".ratio", Tensor::scalar<float>(static_cast<float>(layer.ratio)))});
  if (type == "lrn") {
    return node("LRN", layer.name, {input},
                {{"size", layer.size},
                 {"alpha", static_cast<float>(layer.alpha)},
                 {"beta", static_cast<float>(layer.beta)},
                 {"bias", static_cast<float>(layer.offset)}});
  }
  if (type == "add") {
    // ONNX's Add joins two.
    Id sum = inputs[0];
    for (size_t i = 1; i < inputs.size(); ++i) {
      sum = node("Add", i + 1 == inputs.size() ? layer.name : fmt::format("{}.{}", layer.name, i),
                 {sum, inputs[i]});
    }
    return add_activation(layer.activation, fmt::format("{}.{}", layer.name, layer.activation), sum);
  }
  if (type == "concat") return node("Concat", layer.name, std::move(inputs), {{"axis", layer.axis}});
  if (type == "batch_norm") return add_batch_norm(layer, layer.name, input);
  if (type == "flatten") return node("Flatten", layer.name, {input}, {{"axis", int64_t{1}}});
  if (type == "scale_shift") return add_scale_shift(layer, input);
  return add_shape_change(layer, input);
}

std::vector<Parameter> NetworkPlan::parameters() const {
  std::vector<Parameter> all;
  for (const PlannedValue& value : values_) {
    if (value.is_parameter) all.push_back(value.parameter);
  }
  return all;
}

NetworkBuilder NetworkPlan::builder(const ParameterMaker& maker) const {
  NetworkBuilder builder(name_);
  std::vector<ValueId> ids;
  for (const PlannedValue& value : values_) {
    if (ids.empty()) {
      Shape declared = value.shape;
      std::vector<std::string> dimensions(time_name_.empty() ? 0 : declared.size());
      if (!time_name_.empty()) declared[0] = kSymbolic, dimensions[0] = time_name_;
      ids.push_back(builder.input(value.name, value.type, declared, dimensions));
    } else if (value.is_parameter)
      ids.push_back(builder.constant(value.name, maker(value.parameter)));
    else if (value.constant)
      ids.push_back(builder.constant(value.name, value.constant));
    else
      ids.push_back(builder.declare(value.name));
  }
  for (const PlannedNode& planned : nodes_) {
    std::vector<ValueId> inputs;
    for (const Id id : planned.inputs) inputs.push_back(ids[id]);
    std::vector<ValueId> outputs(planned.output_index, kNoValue);
    outputs.push_back(ids[planned.output]);
    builder.layer_into(planned.layer, planned.name, std::move(inputs), std::move(outputs));
  }
  for (const Id id : outputs_) builder.output(ids[id]);
  return builder;
}

}  // namespace deltahop
