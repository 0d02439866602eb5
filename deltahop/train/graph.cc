// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/graph.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/network/recurrent_attributes.h"
#include "deltahop/train/convert.h"
#include "deltahop/train/fresh_weights.h"
#include "deltahop/train/operators.h"

namespace deltahop {
namespace {

constexpr int64_t kAnyTime = 16;  // frames of a sequence where only the ranks of shapes matter
using Role = ForwardHooks::Role;

// Where the batch lies in the network's input: by name, else the second of a sequence that a recurrent layer
// reads.
int64_t batch_axis_of_input(const Network& network) {
  const NetworkInput& input = network.inputs().at(0);
  for (size_t axis = 0; axis < input.dimension_names.size(); ++axis) {
    const std::string& name = input.dimension_names[axis];
    if (name == "batch" || name == "batch_size" || name == "N" || name == "n")
      return static_cast<int64_t>(axis);
  }
  if (input.declared.size() != 3) return 0;
  for (const Node& node : network.nodes()) {
    const auto kind = cell_kind_of(*node.layer);
    if (kind) return RecurrentAttributes(*kind, node.layer->attributes()).batch_first() ? 0 : 1;
  }
  return 0;
}

Network bound_for_shapes(const Network& network, int64_t batch_axis) {
  if (network.inputs().size() != 1)
    throw Error(network.name(), fmt::format("has {} inputs", network.inputs().size()),
                "a network of one input can be trained");
  Shape shape = network.inputs()[0].declared;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == kSymbolic) shape[axis] = static_cast<int64_t>(axis) == batch_axis ? 1 : kAnyTime;
  }
  if (shape.at(static_cast<size_t>(batch_axis)) != 1)
    throw Error(network.name(), fmt::format("its input {} has a batch of its own", to_text(shape)),
                "leave the batch open, or make it 1");
  return network.bound({shape});
}

}  // namespace

struct TrainableGraph::Inside {
  struct Input {  // of a step: a value, a parameter, a buffer or a constant; none for absent inputs
    ValueId value = kNoValue;
    int64_t parameter = -1;
    torch::Tensor fixed;
    bool last_reader = false;
  };
  struct Step {
    NodeFunction function;
    std::string node;
    std::vector<Input> inputs;
    std::vector<ValueId> outputs;
  };

  Inside(const Network& given, const GraphOptions& graph_options)
      : original(given),
        options(graph_options),
        input_axis(batch_axis_of_input(given)),
        network(bound_for_shapes(given, input_axis)) {
    batch_axes.resize(network.values().size());
    batch_axes[static_cast<size_t>(network.inputs()[0].value)] = input_axis;
    output = network.outputs().at(0);
    for (const Node& node : network.nodes()) {
      if (!network.is_constant(node)) add(node);
    }
    if (network.value(output).constant != nullptr)
      throw Error(given.name(), "its first output does not depend on the input");
    leave_out_last_softmax();
    drop_unread();
    mark_last_readers();
  }

  void add(const Node& node) {
    const ValueId first = node.inputs.empty() ? kNoValue : first_that_moves(node);
    const NodeSource source(network, node,
                            first == kNoValue ? std::nullopt : batch_axes[static_cast<size_t>(first)]);
    Step step{make_node_function(source), node.name, {}, node.outputs};
    const std::string_view name = node.layer->operator_name();
    for (size_t i = 0; i < node.inputs.size(); ++i) step.inputs.push_back(input_of(node, name, i));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue)
        batch_axes[static_cast<size_t>(node.outputs[i])] = batch_axis_behind(source, i);
    }
    steps.push_back(std::move(step));
  }

  ValueId first_that_moves(const Node& node) const {
    for (const ValueId id : node.inputs)
      if (id != kNoValue && network.value(id).constant == nullptr) return id;
    return kNoValue;
  }

  Input input_of(const Node& node, std::string_view name, size_t index) {
    Input input;
    const ValueId id = node.inputs[index];
    if (id == kNoValue) return input;
    const Tensor* constant = network.value(id).constant.get();
    if (constant == nullptr) {
      input.value = id;
    } else if (!is_floating(constant->type())) {
      // Shapes and axes: their maker has read them.
    } else if (is_buffer(name, index)) {
      input.fixed = buffer(id, *constant, index == 4);
    } else if (const auto role = trained_role(name, index);
               role && (constant->size() > 1 || (name != "Add" && name != "Mul"))) {
      input.parameter = parameter(node, index, *role, *constant);
    } else {
      input.fixed = to_torch(*constant, options.type);
    }
    return input;
  }

  torch::Tensor buffer(ValueId id, const Tensor& constant, bool variance) {
    torch::Tensor value = to_torch(constant, options.type);
    if (options.fresh_weights) value.fill_(variance ? 1.0 : 0.0);
    buffers.push_back({network.value(id).name, value});
    return value;
  }

  int64_t parameter(const Node& node, size_t index, Role role, const Tensor& constant) {
    const ValueId id = node.inputs[index];
    const auto [found, is_new] = parameter_of.emplace(id, static_cast<int64_t>(parameters.size()));
    if (!is_new) return found->second;
    torch::Tensor value =
        options.fresh_weights
            ? fresh_weights(network, node, index, role, constant.shape(), options.seed).to(options.type)
            : to_torch(constant, options.type);
    parameters.push_back({network.value(id).name, node.name, role, value.requires_grad_(true)});
    return found->second;
  }

  void leave_out_last_softmax() {
    if (!options.before_last_softmax) return;
    for (const Step& step : steps) {
      if (step.outputs.at(0) != output) continue;
      const auto node = std::find_if(network.nodes().begin(), network.nodes().end(),
                                     [&](const Node& one) { return one.outputs == step.outputs; });
      const std::string_view name = node->layer->operator_name();
      if (name == "Softmax" || name == "LogSoftmax") output = step.inputs.at(0).value;
      return;
    }
  }

  void drop_unread() {
    std::set<ValueId> wanted = {output};
    for (size_t i = steps.size(); i-- > 0;) {
      const auto& made = steps[i].outputs;
      const bool read =
          std::any_of(made.begin(), made.end(), [&](ValueId id) { return wanted.count(id) != 0; });
      if (!read) {
        steps.erase(steps.begin() + static_cast<ptrdiff_t>(i));
        continue;
      }
      for (const Input& input : steps[i].inputs)
        if (input.value != kNoValue) wanted.insert(input.value);
    }
  }

  void mark_last_readers() {
    std::set<ValueId> seen = {output};
    for (size_t i = steps.size(); i-- > 0;) {
      for (size_t k = steps[i].inputs.size(); k-- > 0;) {
        Input& input = steps[i].inputs[k];
        if (input.value != kNoValue) input.last_reader = seen.insert(input.value).second;
      }
    }
  }

  Tensors gather(Step& step, std::vector<torch::Tensor>& values, const std::vector<torch::Tensor>& weights) {
    Tensors in;
    for (const Input& input : step.inputs) {
      if (input.value != kNoValue)
        in.push_back(values[static_cast<size_t>(input.value)]);
      else if (input.parameter >= 0)
        in.push_back(weights[static_cast<size_t>(input.parameter)]);
      else
        in.push_back(input.fixed);
    }
    for (const Input& input : step.inputs)
      if (input.last_reader) values[static_cast<size_t>(input.value)] = torch::Tensor();
    return in;
  }

  torch::Tensor forward(const torch::Tensor& inputs, const torch::Tensor& lengths, ForwardHooks& hooks) {
    std::vector<torch::Tensor> values(network.values().size()), weights;
    for (const Parameter& one : parameters)
      weights.push_back(hooks.weight(one.name, one.node, one.role, one.value));
    const ValueId first = network.inputs()[0].value;
    values[static_cast<size_t>(first)] =
        hooks.value(network.value(first).name, "", inputs.to(options.type).movedim(0, input_axis));
    ForwardCall call{training, inputs.size(0), lengths, hooks};
    for (Step& step : steps) {
      const Tensors in = gather(step, values, weights);
      Tensors out;
      try {
        out = step.function(in, call);
      } catch (const c10::Error& error) {
        throw Error(fmt::format("node '{}'", step.node), error.what_without_backtrace());
      }
      for (size_t i = 0; i < step.outputs.size() && i < out.size(); ++i) {
        if (step.outputs[i] == kNoValue) continue;
        const size_t id = static_cast<size_t>(step.outputs[i]);
        values[id] = hooks.value(network.values()[id].name, step.node, out[i]);
      }
    }
    const auto axis = batch_axes[static_cast<size_t>(output)];
    if (!axis) throw Error(network.name(), "its output mixes the batch with other dimensions");
    return values[static_cast<size_t>(output)].movedim(*axis, 0);
  }

  Network original;
  GraphOptions options;
  int64_t input_axis;
  Network network;  // bound to a batch of one
  ValueId output = kNoValue;
  bool training = false;
  std::vector<std::optional<int64_t>> batch_axes;  // of values
  std::vector<Step> steps;
  std::vector<Parameter> parameters;
  std::vector<Buffer> buffers;
  std::map<ValueId, int64_t> parameter_of;
};

TrainableGraph::TrainableGraph(const Network& network, const GraphOptions& options)
    : inside_(std::make_unique<Inside>(network, options)) {}
TrainableGraph::~TrainableGraph() = default;
TrainableGraph::TrainableGraph(TrainableGraph&&) noexcept = default;

void TrainableGraph::set_training(bool training) { inside_->training = training; }
bool TrainableGraph::training() const { return inside_->training; }
std::vector<TrainableGraph::Parameter>& TrainableGraph::parameters() { return inside_->parameters; }
std::vector<TrainableGraph::Buffer>& TrainableGraph::buffers() { return inside_->buffers; }
const Network& TrainableGraph::network() const { return inside_->original; }

bool TrainableGraph::is_sequence() const {
  const auto& nodes = inside_->network.nodes();
  return inside_->original.inputs()[0].declared.size() == 3 &&
         std::any_of(nodes.begin(), nodes.end(),
                     [](const Node& node) { return cell_kind_of(*node.layer).has_value(); });
}

bool TrainableGraph::output_has_time() const {
  return is_sequence() && inside_->network.value(inside_->output).shape->size() == 3;
}

torch::Tensor TrainableGraph::forward(const torch::Tensor& inputs, const torch::Tensor& lengths,
                                      ForwardHooks& hooks) {
  return inside_->forward(inputs, lengths, hooks);
}

Network TrainableGraph::to_network() const {
  std::map<std::string, torch::Tensor> learnt;
  for (const Parameter& parameter : inside_->parameters) learnt[parameter.name] = parameter.value;
  for (const Buffer& buffer : inside_->buffers) learnt[buffer.name] = buffer.value;
  return with_constants(inside_->original, learnt);
}

Network with_constants(const Network& network, const std::map<std::string, torch::Tensor>& learnt) {
  NetworkBuilder builder(network.name());
  std::map<ValueId, const NetworkInput*> inputs;
  for (const NetworkInput& input : network.inputs()) inputs[input.value] = &input;
  // In the order of their numbers, so that every value keeps its own.
  for (size_t i = 0; i < network.values().size(); ++i) {
    const Value& value = network.values()[i];
    const auto input = inputs.find(static_cast<ValueId>(i));
    const auto changed = learnt.find(value.name);
    if (input != inputs.end())
      builder.input(value.name, value.type, input->second->declared, input->second->dimension_names);
    else if (changed != learnt.end())
      builder.constant(value.name, from_torch(changed->second, value.type));
    else if (value.constant != nullptr)
      builder.constant(value.name, value.constant);
    else
      builder.declare(value.name);
  }
  for (const Node& node : network.nodes()) {
    if (!network.is_constant(node)) builder.layer_into(node.layer, node.name, node.inputs, node.outputs);
  }
  for (const ValueId output : network.outputs()) builder.output(output);
  for (const auto& [key, text] : network.metadata()) builder.metadata(key, text);
  return builder.build();
}

}  // namespace deltahop
