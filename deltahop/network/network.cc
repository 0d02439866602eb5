// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/network.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

#include "deltahop/network/fold_budget.h"

namespace deltahop {
namespace {

std::string place_of(const Node& node) {
  return fmt::format("node '{}' ({})", node.name, node.layer->operator_name());
}

template <class Function>
auto at_node(const Node& node, Function&& function) {
  try {
    return function();
  } catch (const Error& error) {
    throw Error(place_of(node), error.what());
  }
}

// Orders the nodes so that makers come before readers, and leaves out what no output needs.
std::vector<Node> sorted(std::vector<Node> nodes, const std::vector<Value>& values,
                         const std::vector<ValueId>& outputs) {
  std::vector<int> maker(values.size(), -1);
  for (size_t n = 0; n < nodes.size(); ++n) {
    for (const ValueId id : nodes[n].outputs) {
      if (id == kNoValue) continue;
      int& slot = maker[static_cast<size_t>(id)];
      if (slot != -1)
        throw Error(place_of(nodes[n]),
                    fmt::format("the value '{}' has two makers", values[static_cast<size_t>(id)].name));
      slot = static_cast<int>(n);
    }
  }
  enum class State : uint8_t { unseen, open, done };
  std::vector<State> state(nodes.size(), State::unseen);
  std::vector<Node> order;
  // Depth first with an explicit stack: graphs may be thousands of nodes deep.
  std::vector<std::pair<int, size_t>> stack;
  const auto visit = [&](ValueId root) {
    if (root == kNoValue || maker[static_cast<size_t>(root)] == -1) return;
    const int first = maker[static_cast<size_t>(root)];
    if (state[static_cast<size_t>(first)] == State::done) return;
    stack.emplace_back(first, 0);
    state[static_cast<size_t>(first)] = State::open;
    while (!stack.empty()) {
      auto& [n, next] = stack.back();
      Node& node = nodes[static_cast<size_t>(n)];
      if (next == node.inputs.size()) {
        state[static_cast<size_t>(n)] = State::done;
        order.push_back(std::move(node));
        stack.pop_back();
        continue;
      }
      const ValueId id = node.inputs[next++];
      const int child = id == kNoValue ? -1 : maker[static_cast<size_t>(id)];
      if (child == -1 || state[static_cast<size_t>(child)] == State::done) continue;
      if (state[static_cast<size_t>(child)] == State::open) {
        throw Error(place_of(node), "the graph has a circle", "a value depends on itself");
      }
      state[static_cast<size_t>(child)] = State::open;
      stack.emplace_back(child, 0);
    }
  };
  for (const ValueId output : outputs) visit(output);
  return order;
}

// What the layer says of its outputs, as many as the node has.
std::vector<ValueInfo> infer_node(const Network& network, std::vector<Value>& values, const Node& node) {
  const auto infos = network.input_infos(node);
  std::vector<ValueInfo> outputs = at_node(node, [&] { return node.layer->infer(infos); });
  if (outputs.size() < node.outputs.size())
    throw Error(place_of(node),
                fmt::format("has {} outputs, the operator only {}", node.outputs.size(), outputs.size()));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (outputs[i].shape) at_node(node, [&] { check_plausible(outputs[i].type, *outputs[i].shape); });
    if (node.outputs[i] == kNoValue) continue;
    Value& value = values[static_cast<size_t>(node.outputs[i])];
    value.type = outputs[i].type;
    value.shape = outputs[i].shape;
  }
  return outputs;
}

bool has_constant_inputs(const Network& network, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == kNoValue || network.value(id).constant != nullptr; });
}

void fold_node(const Network& network, std::vector<Value>& values, const Node& node) {
  std::vector<const Tensor*> tensors;
  for (const ValueId id : node.inputs) {
    tensors.push_back(id == kNoValue ? nullptr : network.value(id).constant.get());
  }
  std::vector<Tensor> results = at_node(node, [&] { return node.layer->forward(tensors, {}); });
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    Value& value = values[static_cast<size_t>(node.outputs[i])];
    value.shape = results.at(i).shape();
    value.type = results[i].type();
    value.constant = std::make_shared<const Tensor>(std::move(results[i]));
  }
}

// Inputs and constants are given: no node may make them.
void check_made_once(const Network& network) {
  std::vector<bool> given(network.values().size(), false);
  for (const NetworkInput& input : network.inputs()) given[static_cast<size_t>(input.value)] = true;
  for (size_t id = 0; id < given.size(); ++id)
    given[id] = given[id] || network.values()[id].constant != nullptr;
  for (const Node& node : network.nodes()) {
    for (const ValueId id : node.outputs) {
      if (id == kNoValue || !given[static_cast<size_t>(id)]) continue;
      throw Error(place_of(node),
                  fmt::format("makes the value '{}', which is given already", network.value(id).name));
    }
  }
}

// Shape of a value with a known shape is a constant, although the value itself is not.
bool fold_shape(const Network& network, std::vector<Value>& values, const Node& node) {
  if (node.layer->operator_name() != "Shape" || node.outputs.at(0) == kNoValue) return false;
  const auto& source = network.value(node.inputs.at(0));
  if (!source.shape) return false;
  const Shape& shape = *source.shape;
  const int64_t rank = static_cast<int64_t>(shape.size());
  const Attributes attributes = node.layer->attributes();
  const auto at = [rank](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  const int64_t begin = at(attributes.integer("start", 0));
  const int64_t end = std::max(begin, at(attributes.integer("end", rank)));
  const std::vector<int64_t> dimensions(shape.begin() + begin, shape.begin() + end);
  Value& value = values[static_cast<size_t>(node.outputs[0])];
  value.type = DataType::int64;
  value.shape = Shape{end - begin};
  value.constant = std::make_shared<const Tensor>(Tensor::of<int64_t>({end - begin}, dimensions));
  return true;
}

}  // namespace

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

Network NetworkBuilder::build() {
  Network network = std::move(network_);
  check_made_once(network);
  network.nodes_ = sorted(std::move(network.nodes_), network.values_, network.outputs_);
  std::vector<bool> has_value(network.values_.size(), false);
  for (const NetworkInput& input : network.inputs_) has_value[static_cast<size_t>(input.value)] = true;
  for (size_t id = 0; id < network.values_.size(); ++id)
    has_value[id] = has_value[id] || network.values_[id].constant != nullptr;
  for (const NetworkInput& input : network.inputs_) {
    const Value& value = network.value(input.value);
    if (!value.shape) continue;
    try {
      check_plausible(value.type, *value.shape);
    } catch (const Error& error) {
      throw Error(fmt::format("input '{}'", value.name), error.what());
    }
  }
  FoldBudget budget(network.values_);
  for (const Node& node : network.nodes_) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && !has_value[static_cast<size_t>(id)]) {
        throw Error(place_of(node), fmt::format("its input '{}' comes from nowhere", network.value(id).name),
                    "the file may be cut off");
      }
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) has_value[static_cast<size_t>(id)] = true;
    }
    const std::vector<ValueInfo> outputs = infer_node(network, network.values_, node);
    if (fold_shape(network, network.values_, node) || !has_constant_inputs(network, node)) continue;
    const auto infos = network.input_infos(node);
    if (at_node(node, [&] { return budget.take(*node.layer, infos, outputs); }))
      fold_node(network, network.values_, node);
  }
  for (const ValueId id : network.outputs_) {
    if (id == kNoValue || !has_value[static_cast<size_t>(id)]) {
      throw Error(network.name_, fmt::format("the output '{}' comes from nowhere",
                                             id == kNoValue ? "" : network.value(id).name));
    }
  }
  return network;
}

}  // namespace deltahop
