// SPDX-License-Identifier: Apache-2.0
// NetworkBuilder::build: puts nodes in order, decides branches, infers shapes and computes what is constant.
#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "deltahop/network/branch.h"
#include "deltahop/network/fold_budget.h"
#include "deltahop/network/network.h"

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

// Shape and Size of a value with a known shape are constants, although the value itself is not.
bool fold_shape(const Network& network, std::vector<Value>& values, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if ((name != "Shape" && name != "Size") || node.outputs.at(0) == kNoValue) return false;
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
  Tensor result = name == "Size" ? Tensor::scalar<int64_t>(element_count(shape))
                                 : Tensor::of<int64_t>({end - begin}, dimensions);
  Value& value = values[static_cast<size_t>(node.outputs[0])];
  value.type = result.type();
  value.shape = result.shape();
  value.constant = std::make_shared<const Tensor>(std::move(result));
  return true;
}

}  // namespace

// One run of build(). Nodes wait on a stack, so that the nodes of a branch can take the place of their If.
class NetworkBuilder::Build {
 public:
  explicit Build(NetworkBuilder& builder)
      : builder_(builder), network_(builder.network_), given_(network_.values_.size(), false) {}

  Network run() {
    check_made_once(network_);
    check_inputs();
    for (size_t id = 0; id < given_.size(); ++id)
      given_[id] = given_[id] || network_.values_[id].constant != nullptr;
    const bool open = has_open_shape();
    FoldBudget budget(network_.values_);
    waiting_ = sorted(std::move(network_.nodes_), network_.values_, network_.outputs_);
    std::reverse(waiting_.begin(), waiting_.end());
    while (!waiting_.empty()) {
      Node node = std::move(waiting_.back());
      waiting_.pop_back();
      mark_outputs(node);
      if (undecided_.empty() || !reads_undecided(node)) {
        const auto* const choice = dynamic_cast<const IfLayer*>(node.layer.get());
        if (choice != nullptr) {
          if (take_branch(node, *choice, open)) continue;
        } else {
          infer_and_fold(node, budget);
        }
      } else {
        leave_undecided(node);
      }
      done_.push_back(std::move(node));
    }
    network_.nodes_ =
        took_branch_ ? sorted(std::move(done_), network_.values_, network_.outputs_) : std::move(done_);
    if (took_branch_ && !open) declare_shapes();
    check_outputs();
    return std::move(network_);
  }

 private:
  void check_inputs() {
    for (const NetworkInput& input : network_.inputs_) {
      given_[static_cast<size_t>(input.value)] = true;
      const Value& value = network_.value(input.value);
      if (!value.shape) continue;
      try {
        check_plausible(value.type, *value.shape);
      } catch (const Error& error) {
        throw Error(fmt::format("input '{}'", value.name), error.what());
      }
    }
  }
  void check_outputs() const {
    for (const ValueId id : network_.outputs_) {
      if (id == kNoValue || !given_[static_cast<size_t>(id)]) {
        throw Error(network_.name_, fmt::format("the output '{}' comes from nowhere",
                                                id == kNoValue ? "" : network_.value(id).name));
      }
    }
  }
  bool has_open_shape() const {
    return std::any_of(network_.inputs_.begin(), network_.inputs_.end(),
                       [&](const NetworkInput& input) { return !network_.value(input.value).shape; });
  }
  void declare_shapes() {
    for (NetworkInput& input : network_.inputs_) {
      input.declared = *network_.value(input.value).shape;
      input.dimension_names.assign(input.declared.size(), "");
    }
  }

  void mark_outputs(const Node& node) {
    given_.resize(network_.values_.size(), false);
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && !given_[static_cast<size_t>(id)] && network_.value(id).constant == nullptr) {
        throw Error(place_of(node), fmt::format("its input '{}' comes from nowhere", network_.value(id).name),
                    "the file may be cut off");
      }
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) given_[static_cast<size_t>(id)] = true;
    }
  }

  void infer_and_fold(const Node& node, FoldBudget& budget) {
    const std::vector<ValueInfo> outputs = infer_node(network_, network_.values_, node);
    if (fold_shape(network_, network_.values_, node) || !has_constant_inputs(network_, node)) return;
    const auto infos = network_.input_infos(node);
    if (at_node(node, [&] { return budget.take(*node.layer, infos, outputs); }))
      fold_node(network_, network_.values_, node);
  }

  // What an undecided If makes, and all that is made of it: neither type nor shape is known.
  bool reads_undecided(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return undecided_.count(id) != 0; });
  }
  void leave_undecided(const Node& node) { undecided_.insert(node.outputs.begin(), node.outputs.end()); }

  // True where the branch's nodes wait in the place of the node now.
  bool take_branch(const Node& node, const IfLayer& choice, bool open) {
    const ValueId id = node.inputs.empty() ? kNoValue : node.inputs[0];
    if (id == kNoValue) throw Error(place_of(node), "the input cond is missing");
    const Tensor* const condition = network_.value(id).constant.get();
    if (condition == nullptr) {
      if (!open) {
        throw Error(place_of(node), "its condition depends on what flows through the network",
                    "only conditions that constants and input shapes decide are supported");
      }
      leave_undecided(node);
      return false;
    }
    if (condition->type() != DataType::boolean || condition->size() != 1) {
      throw Error(place_of(node),
                  fmt::format("its condition is {} of type {}", to_text(condition->shape()),
                              name_of(condition->type())),
                  "one boolean");
    }
    std::vector<Node> nodes = inlined(node, choice, condition->values<bool>()[0]);
    std::move(nodes.rbegin(), nodes.rend(), std::back_inserter(waiting_));
    return took_branch_ = true;
  }

  // The nodes of a branch in the terms of this graph. What they make gets values of its own, but for what the
  // If itself makes.
  std::vector<Node> inlined(const Node& node, const IfLayer& choice, bool condition) {
    const Branch& branch = choice.branch(condition);
    const Network& graph = branch.graph;
    if (graph.outputs_.size() < node.outputs.size()) {
      throw Error(place_of(node), fmt::format("a branch gives {} values, the node {}", graph.outputs_.size(),
                                              node.outputs.size()));
    }
    std::vector<ValueId> outer(graph.values_.size(), kNoValue);
    for (size_t i = 0; i < branch.captured.size(); ++i)
      outer[static_cast<size_t>(branch.captured[i])] =
          node.inputs.at(choice.first_captured_input(condition) + i);
    std::vector<Node> nodes = sorted(graph.nodes_, graph.values_, graph.outputs_);
    std::vector<bool> made(graph.values_.size(), false);
    for (const Node& one : nodes) {
      for (const ValueId id : one.outputs) {
        if (id != kNoValue) made[static_cast<size_t>(id)] = true;
      }
    }
    std::vector<std::pair<ValueId, ValueId>> copies;  // what is not made in the branch, or wanted twice
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const auto local = static_cast<size_t>(graph.outputs_[i]);
      if (made[local] && outer[local] == kNoValue)
        outer[local] = node.outputs[i];
      else
        copies.emplace_back(graph.outputs_[i], node.outputs[i]);
    }
    const auto mapped = [&](ValueId id) {
      if (id == kNoValue) return id;
      ValueId& known = outer[static_cast<size_t>(id)];
      if (known == kNoValue) known = new_value(graph.value(id));
      return known;
    };
    for (Node& one : nodes) {
      for (ValueId& id : one.inputs) id = mapped(id);
      for (ValueId& id : one.outputs) id = mapped(id);
    }
    for (const auto& [from, to] : copies) {
      LayerArguments arguments;
      arguments.operator_name = "Identity";
      arguments.inputs.resize(1);
      nodes.push_back({network_.value(to).name, make_layer(arguments), {mapped(from)}, {to}});
    }
    return nodes;
  }

  ValueId new_value(Value value) {
    while (builder_.ids_.count(value.name) != 0) value.name += '#';
    return builder_.add_value(std::move(value));
  }

  NetworkBuilder& builder_;
  Network& network_;
  std::vector<bool> given_;
  std::vector<Node> waiting_;  // the next one last
  std::vector<Node> done_;
  std::set<ValueId> undecided_;
  bool took_branch_ = false;
};

Network NetworkBuilder::build() { return Build(*this).run(); }

Network NetworkBuilder::unbuilt() { return std::move(network_); }

}  // namespace deltahop
