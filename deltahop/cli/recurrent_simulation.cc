// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/recurrent_simulation.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/cli/simulation_records.h"
#include "deltahop/io/npz.h"
#include "deltahop/network/synthetic_sequence.h"
#include "deltahop/run/one_step.h"

namespace deltahop {
namespace {

bool is_data(const Network& network, const NetworkInput& input) {
  return network.value(input.value).type == DataType::float32;
}

// The sequences of one array: the only dimension of 1 among the outer two of three is the batch; without one,
// the first counts sequences.
void add_sequences(std::vector<Tensor>& sequences, const Tensor& array, int64_t inputs,
                   const std::string& place) {
  const Tensor floats = array.type() == DataType::float32 ? array : array.converted(DataType::float32);
  const Shape& shape = floats.shape();
  if (shape.size() < 2 || shape.size() > 3 || shape.back() != inputs || floats.size() == 0)
    throw Error(place, fmt::format("holds {}; the network reads {} values a step", to_text(shape), inputs),
                fmt::format("give an array [T, {}], or [N, T, {}] for N sequences", inputs, inputs));
  const bool many = shape.size() == 3 && shape[0] != 1 && shape[1] != 1;
  const int64_t count = many ? shape[0] : 1;
  const int64_t steps = floats.size() / inputs / count;
  const auto values = floats.values<float>();
  for (int64_t k = 0; k < count; ++k) {
    const auto part =
        values.subspan(static_cast<size_t>(k * steps * inputs), static_cast<size_t>(steps * inputs));
    sequences.push_back(Tensor::of({steps, inputs}, std::vector<float>(part.begin(), part.end())));
  }
}

int64_t count_mismatches(const Tensor& ours, const Tensor& truth) {
  DELTAHOP_CHECK(ours.shape() == truth.shape());
  const auto a = ours.values<int16_t>(), b = truth.values<int16_t>();
  int64_t mismatches = 0;
  for (size_t k = 0; k < a.size(); ++k) mismatches += a[k] != b[k] ? 1 : 0;
  return mismatches;
}

}  // namespace

int64_t input_width(const Network& network) {
  for (const NetworkInput& input : network.inputs()) {
    if (!is_data(network, input)) continue;
    if (input.declared.size() < 2 || input.declared.size() > 3 || input.declared.back() < 1)
      throw Error(network.name(), "has no input of the form [time, batch, values]");
    return input.declared.back();
  }
  throw Error(network.name(), "has no float input");
}

std::vector<Tensor> read_sequences(const std::string& path, int64_t inputs) {
  std::vector<Tensor> sequences;
  if (path.ends_with(".npz")) {
    for (const auto& [name, array] : read_npz(path))
      add_sequences(sequences, array, inputs, fmt::format("{}: {}", path, name));
  } else {
    add_sequences(sequences, read_npy(path), inputs, path);
  }
  if (sequences.empty()) throw Error(path, "holds no sequence");
  return sequences;
}

BoundSequence bound_to_sequence(const Network& network, const Tensor& sequence) {
  std::vector<Shape> shapes;
  std::vector<Tensor> inputs;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    if (inputs.empty() && is_data(network, input)) {
      const bool named_batch = !input.dimension_names.empty() && input.dimension_names[0].find("batch") == 0;
      const bool batch_first = shape.size() == 3 && ((shape[0] == 1 && shape[1] != 1) || named_batch);
      shape = shape.size() == 2 ? Shape{sequence.dim(0), sequence.dim(1)}
              : batch_first     ? Shape{1, sequence.dim(0), sequence.dim(1)}
                                : Shape{sequence.dim(0), 1, sequence.dim(1)};
      inputs.push_back(sequence.reshaped(shape));
    } else {  // a state: chips start from zero
      for (int64_t& dimension : shape) dimension = dimension == kSymbolic ? 1 : dimension;
      inputs.emplace_back(network.value(input.value).type, shape);
    }
    shapes.push_back(shape);
  }
  return {with_input_shapes(network, shapes), std::move(inputs)};
}

StagePlan plan_of_layer(const IntegerDeltaGruLayer& layer, const std::string& name, const Support& support) {
  StagePlan plan;
  plan.name = name;
  plan.operator_name = "GRU";
  plan.workload.emplace();
  plan.workload->name = name;
  plan.workload->workload.kind = WorkloadKind::recurrent;
  plan.workload->workload.shape.in_channels = layer.inputs + layer.hidden;
  plan.workload->workload.shape.out_channels = layer.rows();
  plan.support = support;
  plan.input_shape = fmt::format("{}", layer.inputs);
  plan.output_shape = fmt::format("{}", layer.hidden);
  plan.input_format = plan.output_format = to_text(layer.formats.activation);
  plan.weight_format = to_text(layer.formats.weight);
  if (layer.input_columns.empty()) return plan;  // sizes only
  Tensor codes(DataType::int16, {layer.inputs + layer.hidden, layer.rows(), 1, 1});
  const auto into = codes.values<int16_t>();
  std::copy(layer.recurrent_columns.begin(), layer.recurrent_columns.end(),
            std::copy(layer.input_columns.begin(), layer.input_columns.end(), into.begin()));
  plan.nonzero_weights = count_nonzero(codes);
  plan.weight_sizes = weight_sizes(codes, layer.inputs + layer.hidden);
  return plan;
}

std::vector<std::string> add_sequence(SimulationResult& result, const std::vector<size_t>& stage_of_layer,
                                      const std::vector<RecurrentTrace>& traces, const Accelerator& chip,
                                      const SequenceOptions& options) {
  std::vector<LayerTrace> layers(traces.size());
  for (size_t k = 0; k < traces.size(); ++k) {
    layers[k].name = result.plans[stage_of_layer[k]].name;
    layers[k].operator_name = "GRU";
    layers[k].recurrent = &traces[k];
  }
  RecurrentCounts counts = chip.simulate_steps(layers, options.requests);
  result.stages.resize(result.plans.size());
  for (size_t k = 0; k < traces.size(); ++k) {
    const RecurrentTrace& trace = traces[k];
    const IntegerDeltaGruLayer& layer = *trace.layer;
    StageRecord record;
    record.stats = counts.layers[k];
    record.macs.dense = record.macs.inside = record.stats.dense_macs();
    record.macs.nonzero_input = record.macs.nonzero = record.stats.macs_done;
    record.saturated = 0;
    if (!options.floats.empty()) record.error.add(trace.outputs, layer.formats.activation, options.floats[k]);
    if (options.verify) {
      record.compared = trace.outputs.size();
      record.mismatches = count_mismatches(chip.compute(layers[k]), trace.outputs);
    }
    StageTotals& totals = result.stages[stage_of_layer[k]];
    totals.add(record);
    totals.inputs += trace.steps() - 1;  // one input of the report is one time step
    for (size_t t = 0; t < trace.sent_x.size(); ++t)
      totals.input_density.push_back(static_cast<double>(trace.sent_x[t] + trace.sent_h[t]) /
                                     static_cast<double>(layer.inputs + layer.hidden));
  }
  result.inputs += traces.front().steps();
  return counts.notes;
}

SimulationResult simulate_synthetic_stack(const SyntheticStack& stack, const Accelerator& chip) {
  const std::string& name = chip.architecture().name;
  if (!chip.recurrent_formats()) throw Error(name, "has no recurrent layers");
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> layers;
  for (int64_t k = 0; k < stack.layers; ++k) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->formats = *chip.recurrent_formats();
    layer->inputs = k == 0 ? stack.inputs : stack.units;
    layer->hidden = stack.units;
    layers.push_back(std::move(layer));
  }
  const Support support = chip.supports_recurrent(layers);
  if (support.placement == Placement::host)
    throw Error(name, fmt::format("cannot run this network: {}", support.reason));
  SimulationResult result;
  std::vector<size_t> stage_of_layer;
  for (size_t k = 0; k < layers.size(); ++k) {
    result.plans.push_back(plan_of_layer(*layers[k], fmt::format("gru{}", k + 1), support));
    stage_of_layer.push_back(k);
  }
  add_sequence(result, stage_of_layer, synthetic_sequence(layers, stack.steps, stack.density, stack.seed),
               chip, {});
  return result;
}

}  // namespace deltahop
