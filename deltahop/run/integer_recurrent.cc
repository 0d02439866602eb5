// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/integer_recurrent.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/run/value_store.h"

namespace deltahop {
namespace {

// Inputs of ONNX's GRU.
constexpr size_t kX = 0, kLengths = 4, kInitialHidden = 5;
constexpr std::array<std::string_view, 8> kMovers = {"Squeeze", "Unsqueeze", "Transpose", "Reshape",
                                                     "Flatten", "Identity",  "Dropout",   "Cast"};

// The same one-sequence tensor [T, 1, I] or [1, T, I] as steps of values.
Tensor input_codes(const Tensor& x, bool batch_first, FixedFormat format, int64_t& clipped) {
  const int64_t batch = x.dim(batch_first ? 0 : 1);
  if (batch != 1)
    throw Error("", fmt::format("has a batch of {}", batch), "a chip takes one sequence at a time");
  const Tensor floats = x.type() == DataType::float32 ? x : x.converted(DataType::float32);
  return quantized(floats, format, Rounding::half_even, &clipped)
      .reshaped({x.dim(batch_first ? 1 : 0), x.dim(2)});
}

void require_plain_start(const Node& node, const ValueStore& values, int64_t steps) {
  const auto given = [&](size_t index) {
    return index < node.inputs.size() ? values.get(node.inputs[index]) : nullptr;
  };
  if (const Tensor* state = given(kInitialHidden); state != nullptr && count_nonzero(*state) > 0)
    throw Error("", "starts from a state that is not zero",
                "chips start from zero: run the whole sequence at once");
  const Tensor* lengths = given(kLengths);
  if (lengths != nullptr && lengths->converted(DataType::int64).values<int64_t>()[0] != steps)
    throw Error("", "ends its sequence early", "cut the input to its length");
}

// Y and Y_h in the operator's layout.
std::vector<Tensor> outputs_of(const RecurrentTrace& trace, bool batch_first, DataType type) {
  const int64_t steps = trace.steps(), units = trace.layer->hidden;
  const Tensor values = dequantized(trace.outputs, trace.layer->formats.activation);
  const auto last = values.values<float>().last(static_cast<size_t>(units));
  std::vector<Tensor> outputs;
  outputs.push_back(
      values.reshaped(batch_first ? Shape{1, steps, 1, units} : Shape{steps, 1, 1, units}).converted(type));
  outputs.push_back(Tensor::of({1, 1, units}, std::vector<float>(last.begin(), last.end())).converted(type));
  return outputs;
}

}  // namespace

std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> RecurrentModel::stack() const {
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> result;
  for (const RecurrentNode& layer : layers) result.push_back(layer.gru.layer);
  return result;
}

RecurrentModel recurrent_model(Network network, const DeltaGruFormats& formats,
                               const ThresholdTable& thresholds) {
  RecurrentModel model{std::move(network), {}};
  for (size_t n = 0; n < model.network.nodes().size(); ++n) {
    const Node& node = model.network.nodes()[n];
    if (!cell_kind_of(*node.layer) || model.network.is_constant(node)) continue;
    const std::vector<RecurrentCell> cells = recurrent_cells(model.network, node);
    try {
      if (cells.size() != 1)
        throw Error("", "reads its sequence in two directions, which a chip that streams cannot");
      model.layers.push_back({n, quantized_gru(cells[0], formats, thresholds.of(node.name))});
    } catch (const Error& error) {
      throw Error(place_of(node), error.what());
    }
  }
  if (model.layers.empty()) throw Error(model.network.name(), "has no GRU");
  return model;
}

std::string chain_fault(const RecurrentModel& model) {
  const Network& network = model.network;
  const auto maker_of = [&](ValueId value) -> const Node* {
    for (const Node& node : network.nodes())
      if (std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end()) return &node;
    return nullptr;
  };
  for (size_t k = 1; k < model.layers.size(); ++k) {
    const Node& layer = network.nodes()[model.layers[k].node];
    const Node& before = network.nodes()[model.layers[k - 1].node];
    const Node* maker = maker_of(layer.inputs[kX]);
    while (maker != nullptr &&
           std::find(kMovers.begin(), kMovers.end(), maker->layer->operator_name()) != kMovers.end())
      maker = maker_of(maker->inputs.front());
    if (maker != &before)
      return fmt::format(
          "'{}' does not read '{}' directly ({})", layer.name, before.name,
          maker == nullptr ? "it reads an input" : fmt::format("'{}' comes first", maker->name));
  }
  return "";
}

RecurrentRun run_recurrent(const RecurrentModel& model, const std::vector<Tensor>& inputs,
                           const RunOptions& options) {
  const Network& network = model.network;
  check_inputs(network, inputs);
  ValueStore values(network);
  for (size_t i = 0; i < inputs.size(); ++i) values.lend(network.inputs()[i].value, inputs[i]);
  RecurrentRun run;
  const auto run_layer = [&](const Node& node, const RecurrentNode& layer) {
    const Tensor& x = *values.get(node.inputs[kX]);
    const bool batch_first = node.layer->attributes().integer("layout", 0) != 0;
    Tensor codes = input_codes(x, batch_first, layer.gru.layer->formats.activation, run.clipped_inputs);
    require_plain_start(node, values, codes.dim(0));
    run.traces.push_back(run_sequence(layer.gru.layer, std::move(codes)));
    return outputs_of(run.traces.back(), batch_first, x.type());
  };
  auto next = model.layers.begin();
  for (size_t n = 0; n < network.nodes().size(); ++n) {
    const Node& node = network.nodes()[n];
    if (!network.is_constant(node)) {
      std::vector<Tensor> results;
      try {
        if (next != model.layers.end() && next->node == n) {
          results = run_layer(node, *next++);
        } else {
          std::vector<const Tensor*> operands;
          for (const ValueId id : node.inputs) operands.push_back(values.get(id));
          results = node.layer->forward(operands, {.threads = options.threads});
        }
      } catch (const Error& error) {
        throw Error(place_of(node), error.what());
      }
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const ValueId id = node.outputs[i];
        if (id != kNoValue && network.value(id).constant == nullptr) values.put(id, std::move(results[i]));
      }
    }
    values.release(node);
  }
  for (const ValueId id : network.outputs()) run.outputs.push_back(values.take(id));
  return run;
}

}  // namespace deltahop
