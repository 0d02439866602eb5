// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/network.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {

ValueId Network::find_value(std::string_view name) const {
  for (size_t id = 0; id < values_.size(); ++id) {
    if (values_[id].name == name) return static_cast<ValueId>(id);
  }
  return kNoValue;
}

bool Network::is_constant(const Node& node) const {
  return std::all_of(node.outputs.begin(), node.outputs.end(),
                     [&](ValueId id) { return id == kNoValue || value(id).constant != nullptr; });
}

std::vector<int> Network::reader_counts() const {
  std::vector<int> counts(values_.size(), 0);
  for (const Node& node : nodes_) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) ++counts[static_cast<size_t>(id)];
    }
  }
  for (const ValueId id : outputs_) ++counts[static_cast<size_t>(id)];
  return counts;
}

std::vector<std::optional<ValueInfo>> Network::input_infos(const Node& node) const {
  std::vector<std::optional<ValueInfo>> infos;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) {
      infos.emplace_back();
    } else {
      const Value& value = this->value(id);
      infos.push_back(ValueInfo{value.type, value.shape, value.constant.get()});
    }
  }
  return infos;
}

Network Network::bound(const std::vector<Shape>& shapes) const {
  DELTAHOP_CHECK(shapes.size() == inputs_.size());
  NetworkBuilder builder = NetworkBuilder::from_values_of(*this);
  std::map<std::string, int64_t> symbols;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const NetworkInput& input = inputs_[i];
    const std::string place = fmt::format("input '{}'", value(input.value).name);
    const auto contradiction = [&](std::string_view why) {
      return Error(place, fmt::format("the shape {} does not fit: {}", to_text(shapes[i]), why),
                   fmt::format("the network declares {}", to_text(input.declared)));
    };
    if (shapes[i].size() != input.declared.size()) throw contradiction("another number of dimensions");
    for (size_t axis = 0; axis < shapes[i].size(); ++axis) {
      const int64_t given = shapes[i][axis];
      if (given < 0) throw contradiction("a dimension is not set");
      if (input.declared[axis] != kSymbolic && input.declared[axis] != given)
        throw contradiction(fmt::format("dimension {} is fixed", axis));
      const std::string& symbol = axis < input.dimension_names.size() ? input.dimension_names[axis] : "";
      if (input.declared[axis] == kSymbolic && !symbol.empty() &&
          symbols.emplace(symbol, given).first->second != given) {
        throw contradiction(fmt::format("'{}' already stands for another size", symbol));
      }
    }
    builder.network_.values_[static_cast<size_t>(input.value)].shape = shapes[i];
  }
  for (const Node& node : nodes_) builder.layer_into(node.layer, node.name, node.inputs, node.outputs);
  for (const ValueId id : outputs_) builder.output(id);
  return builder.build();
}

Network Network::with_metadata(const std::string& key, const std::string& text) const {
  Network network = *this;
  if (text.empty())
    network.metadata_.erase(key);
  else
    network.metadata_[key] = text;
  return network;
}

ValueId NetworkBuilder::find(std::string_view name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? kNoValue : found->second;
}

NetworkBuilder NetworkBuilder::from_values_of(const Network& network) {
  NetworkBuilder builder(network.name_);
  builder.network_ = network;
  builder.network_.nodes_.clear();
  builder.network_.outputs_.clear();
  // What nodes made is forgotten; what was given stays.
  std::vector<bool> made(network.values_.size(), false);
  for (const Node& node : network.nodes_) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) made[static_cast<size_t>(id)] = true;
    }
  }
  for (size_t id = 0; id < made.size(); ++id) {
    Value& value = builder.network_.values_[id];
    if (made[id]) {
      value.shape.reset();
      value.constant.reset();
    }
    builder.ids_.emplace(value.name, static_cast<ValueId>(id));
  }
  return builder;
}

ValueId NetworkBuilder::add_value(Value value) {
  const ValueId id = static_cast<ValueId>(network_.values_.size());
  if (value.name.empty()) value.name = fmt::format("value_{}", id);
  if (!ids_.emplace(value.name, id).second)
    throw Error(network_.name_, fmt::format("two values are called '{}'", value.name));
  network_.values_.push_back(std::move(value));
  return id;
}

ValueId NetworkBuilder::input(std::string name, DataType type, Shape shape,
                              std::vector<std::string> dimension_names) {
  const bool known = std::none_of(shape.begin(), shape.end(), [](int64_t d) { return d == kSymbolic; });
  const ValueId id = add_value({std::move(name), type, known ? std::optional(shape) : std::nullopt, nullptr});
  network_.inputs_.push_back({id, std::move(shape), std::move(dimension_names)});
  return id;
}

ValueId NetworkBuilder::constant(std::string name, Tensor tensor) {
  return constant(std::move(name), std::make_shared<const Tensor>(std::move(tensor)));
}

ValueId NetworkBuilder::constant(std::string name, std::shared_ptr<const Tensor> tensor) {
  Value value{std::move(name), tensor->type(), tensor->shape(), nullptr};
  value.constant = std::move(tensor);
  return add_value(std::move(value));
}

ValueId NetworkBuilder::declare(std::string name) {
  const auto found = ids_.find(name);
  return found != ids_.end() ? found->second
                             : add_value({std::move(name), DataType::float32, std::nullopt, nullptr});
}

std::vector<ValueId> NetworkBuilder::node(const std::string& operator_name, const std::string& name,
                                          std::vector<ValueId> inputs, Attributes attributes,
                                          int output_count, int opset, std::string_view domain) {
  std::vector<ValueId> outputs;
  for (int i = 0; i < output_count; ++i) {
    std::string output_name = name.empty() ? "" : i == 0 ? name + ":0" : fmt::format("{}:{}", name, i);
    if (ids_.count(output_name) != 0)
      output_name = fmt::format("{}#{}", output_name, network_.values_.size());
    outputs.push_back(add_value({std::move(output_name), DataType::float32, std::nullopt, nullptr}));
  }
  node_into(operator_name, name, std::move(inputs), outputs, std::move(attributes), opset, domain);
  return outputs;
}

void NetworkBuilder::node_into(const std::string& operator_name, const std::string& name,
                               std::vector<ValueId> inputs, std::vector<ValueId> outputs,
                               Attributes attributes, int opset, std::string_view domain) {
  LayerArguments arguments;
  arguments.opset = opset;
  arguments.operator_name = operator_name;
  arguments.attributes = std::move(attributes);
  arguments.output_count = static_cast<int>(outputs.size());
  for (const ValueId id : inputs) {
    LayerArguments::Input input;
    input.present = id != kNoValue;
    input.constant = id == kNoValue ? nullptr : network_.value(id).constant.get();
    arguments.inputs.push_back(std::move(input));
  }
  std::shared_ptr<const Layer> layer;
  try {
    layer = make_layer(arguments, domain);
  } catch (const Error& error) {
    throw Error(fmt::format("node '{}' ({})", name, operator_name), error.what());
  }
  if (arguments.inputs.size() < inputs.size()) inputs.resize(arguments.inputs.size());
  for (size_t i = 0; i < arguments.inputs.size(); ++i) {
    if (i >= inputs.size()) inputs.push_back(kNoValue);
    if (arguments.inputs[i].new_constant) {
      inputs[i] = constant(fmt::format("{}/{}#{}", name, i, network_.values_.size()),
                           std::move(*arguments.inputs[i].new_constant));
    }
  }
  if (layer->operator_name() == "Constant" && layer->domain().empty() && outputs.size() == 1) {
    give_constant(*layer, name, inputs, outputs[0]);
  } else {
    layer_into(std::move(layer), name, std::move(inputs), std::move(outputs));
  }
}

void NetworkBuilder::give_constant(const Layer& layer, const std::string& name,
                                   const std::vector<ValueId>& inputs, ValueId output) {
  const std::string place = fmt::format("node '{}' ({})", name, layer.operator_name());
  if (!inputs.empty())
    throw Error(place, fmt::format("has {} inputs, the operator takes none", inputs.size()));
  if (output == kNoValue) return;
  Value& value = network_.values_[static_cast<size_t>(output)];
  if (value.constant != nullptr) throw Error(place, fmt::format("the value '{}' has two makers", value.name));
  value.constant = std::make_shared<const Tensor>(std::move(layer.forward({}, {}).at(0)));
  value.type = value.constant->type();
  value.shape = value.constant->shape();
}

void NetworkBuilder::layer_into(std::shared_ptr<const Layer> layer, const std::string& name,
                                std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  network_.nodes_.push_back({name, std::move(layer), std::move(inputs), std::move(outputs)});
}

}  // namespace deltahop
