// SPDX-License-Identifier: Apache-2.0
// One pass of the integer executor: exact sums, one rounding, and what has no integer rule in float.
#include "deltahop/run/integer_pass.h"

#include <algorithm>
#include <utility>

#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {
namespace {

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor));
  return tensors;
}

// [rows, channels] as the planes of a convolution of one picture: [1, channels, rows, 1].
Tensor planes_of(const Tensor& codes, int64_t rows, int64_t channels) {
  Tensor planes(DataType::int16, {1, channels, rows, 1});
  const auto in = codes.values<int16_t>();
  const auto out = planes.values<int16_t>();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c)
      out[static_cast<size_t>(c * rows + row)] = in[static_cast<size_t>(row * channels + c)];
  }
  return planes;
}

// The tensor itself where it has the wanted form already, else a copy in `copy`.
const Tensor* in_form_of(const Tensor& codes, const Workload& workload, bool is_input, Tensor& copy) {
  const ConvolutionShape& shape = workload.shape;
  if (workload.kind != WorkloadKind::convolution) {
    copy = planes_of(codes, shape.in_rows, is_input ? shape.in_channels : shape.out_channels);
  } else if (codes.rank() == 4) {
    return &codes;
  } else {
    copy = codes.reshaped({codes.dim(0), codes.dim(1), 1, codes.dim(2)});
  }
  return &copy;
}

}  // namespace

bool is_computed_float(const Network& network, ValueId id) {
  return id != kNoValue && network.value(id).constant == nullptr && is_floating(network.value(id));
}

ConvolutionShape weighted_shape(const Stage& stage) {
  ConvolutionShape shape = stage.workload->workload.shape;
  if (stage.workload->workload.kind != WorkloadKind::convolution) {
    shape.batch = std::exchange(shape.in_rows, 1);
    shape.out_rows = 1;
  }
  return shape;
}

IntegerPass::IntegerPass(const State& state, const RunOptions& options)
    : state_(state), network_(state.model.network), options_(options), values_(network_) {
  forward_options_.threads = options.threads;
  // Nodes known at load time do not run, and keep nothing alive.
  for (const Node& node : network_.nodes()) {
    if (network_.is_constant(node)) values_.release(node);
  }
}

void IntegerPass::enter(const std::vector<Tensor>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = network_.inputs()[i].value;
    if (!is_floating(network_.value(id)))
      values_.lend(id, inputs[i]);
    else
      values_.put(id, nearest_codes(inputs[i], format_of(id), options_.threads, &saturated_));
  }
}

void IntegerPass::run_stage(size_t s, const TraceListener& listener,
                            const std::map<ValueId, Tensor>* float_values) {
  const Stage& stage = state_.stages[s];
  stage_on_host_ = false;
  saturated_before_stage_ = saturated_;
  for (size_t i = 0; i < stage.nodes.size(); ++i) {
    const Node& node = network_.nodes()[stage.nodes[i]];
    try {
      const bool weighted = i == 0 && state_.weighted[s].has_value();
      keep(node, weighted ? one(multiplied(s, *values_.get(node.inputs[0]))) : computed(stage.nodes[i]));
    } catch (const Error& error) {
      throw Error(place_of(node), error.what());
    }
  }
  if (listener) hand_out(s, listener, float_values);
  for (const size_t n : stage.nodes) values_.release(network_.nodes()[n]);
}

IntegerResult IntegerPass::leave() {
  IntegerResult result;
  for (const ValueId id : network_.outputs()) {
    result.codes.push_back(values_.take(id));
    const Value& value = network_.value(id);
    const bool has_codes = is_computed_float(network_, id);
    result.values.push_back(has_codes ? dequantized(result.codes.back(), format_of(id))
                                      : result.codes.back().converted(DataType::float32));
    if (!has_codes && value.constant != nullptr && is_floating(value))
      result.codes.back() = constant_output(id);
  }
  result.saturated = saturated_;
  return result;
}

// A network output that depends on no input: the nearest codes of the best format for it.
Tensor IntegerPass::constant_output(ValueId id) const {
  const Tensor& constant = *network_.value(id).constant;
  return quantized(constant, format_for_range(largest_magnitude(constant), 16), Rounding::half_even);
}

void IntegerPass::keep(const Node& node, std::vector<Tensor> results) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId id = node.outputs[i];
    if (id != kNoValue && network_.value(id).constant == nullptr) values_.put(id, std::move(results.at(i)));
  }
}

Tensor IntegerPass::multiplied(size_t s, const Tensor& input) {
  const Stage& stage = state_.stages[s];
  const WeightedStage& weighted = *state_.weighted[s];
  const Node& node = network_.nodes()[stage.nodes[0]];
  const ValueId output = node.outputs[0];
  Accumulators sums{Tensor(DataType::int64, *network_.value(output).shape),
                    format_of(node.inputs[0]).fraction_bits + weighted.weight_format.fraction_bits};
  convolve(weighted_shape(stage), input.values<int16_t>(), weighted.weights.values<int16_t>(),
           weighted.bias.values<int64_t>(), sums.sums.values<int64_t>(), options_.threads);
  return codes_of(sums, rule_for(output), options_.threads, &saturated_);
}

std::vector<Tensor> IntegerPass::computed(size_t n) {
  const Node& node = network_.nodes()[n];
  if (state_.on_host[n]) return computed_on_host(node);
  const bool any_codes = std::any_of(node.inputs.begin(), node.inputs.end(),
                                     [&](ValueId id) { return is_computed_float(network_, id); });
  if (!any_codes)
    return computed_on_host(node);  // shapes and indices: nothing is rounded but what becomes float here
  if (node.layer->keeps_codes()) return passed_on(node);
  std::optional<Accumulators> sums = node.layer->accumulate(operands_of(node), forward_options_);
  if (!sums) return computed_on_host(node);
  return one(codes_of(*sums, rule_for(node.outputs.at(0)), options_.threads, &saturated_));
}

std::vector<IntegerValue> IntegerPass::operands_of(const Node& node) {
  std::vector<IntegerValue> operands;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    const auto constant = state_.constant_codes.find(id);
    if (id == kNoValue)
      operands.push_back({});
    else if (is_computed_float(network_, id))
      operands.push_back({values_.get(id), format_of(id).fraction_bits});
    else if (is_bias(node, i))
      operands.push_back(bias_of(node, operands));
    else if (constant != state_.constant_codes.end())
      operands.push_back({&constant->second, format_of(id).fraction_bits});
    else
      operands.push_back({values_.get(id), 0});
  }
  return operands;
}

// Its scale is that of the sums, which the two operands before it decide.
IntegerValue IntegerPass::bias_of(const Node& node, const std::vector<IntegerValue>& operands) {
  const int fraction_bits = operands[0].fraction_bits + operands[1].fraction_bits;
  scratch_.clear();
  scratch_.push_back(bias_codes(*values_.get(node.inputs[2]), fraction_bits, 0));
  return {&scratch_.back(), fraction_bits};
}

// The layer itself on codes, brought to the format of its output first.
std::vector<Tensor> IntegerPass::passed_on(const Node& node) {
  const auto first = std::find_if(node.outputs.begin(), node.outputs.end(),
                                  [&](ValueId id) { return is_computed_float(network_, id); });
  if (first == node.outputs.end()) return computed_on_host(node);
  const CodeRule rule = rule_for(*first);
  std::vector<Tensor> kept;
  kept.reserve(node.inputs.size());
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) {
    const Tensor* tensor = values_.get(id);
    if (is_computed_float(network_, id)) {
      std::optional<Tensor> codes = aligned(*tensor, format_of(id), rule, &saturated_);
      if (codes) tensor = &kept.emplace_back(std::move(*codes));
    } else if (tensor != nullptr && is_floating(tensor->type())) {
      tensor = &kept.emplace_back(quantized(*tensor, rule.format, Rounding::half_even));
    }
    inputs.push_back(tensor);
  }
  return node.layer->forward(inputs, forward_options_);
}

std::vector<Tensor> IntegerPass::computed_on_host(const Node& node) {
  std::vector<Tensor> floats;
  floats.reserve(node.inputs.size());
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) {
    const Tensor* tensor = values_.get(id);
    if (is_computed_float(network_, id)) {
      Tensor values = dequantized(*tensor, format_of(id));
      const DataType type = network_.value(id).type;
      tensor = &floats.emplace_back(type == DataType::float32 ? std::move(values) : values.converted(type));
    }
    inputs.push_back(tensor);
  }
  std::vector<Tensor> results = node.layer->forward(inputs, forward_options_);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!is_computed_float(network_, node.outputs[i])) continue;
    stage_on_host_ = true;
    results.at(i) = nearest_codes(results.at(i), format_of(node.outputs[i]), options_.threads, &saturated_);
  }
  return results;
}

void IntegerPass::hand_out(size_t s, const TraceListener& listener,
                           const std::map<ValueId, Tensor>* float_values) {
  const Stage& stage = state_.stages[s];
  const Node& first = network_.nodes()[stage.nodes[0]];
  LayerTrace trace;
  trace.name = first.name;
  trace.operator_name = std::string(first.layer->operator_name());
  trace.on_host_in_float = stage_on_host_;
  trace.saturated = saturated_ - saturated_before_stage_;
  trace.rounding = state_.model.arithmetic.rounding;
  trace.overflow = state_.model.arithmetic.overflow;
  if (is_computed_float(network_, stage.input)) {
    trace.input = values_.get(stage.input);
    trace.input_format = format_of(stage.input);
  }
  if (is_computed_float(network_, stage.output)) {
    trace.output = values_.get(stage.output);
    trace.output_format = format_of(stage.output);
  }
  Tensor input, output;
  if (const auto& weighted = state_.weighted[s]) {
    trace.workload = stage.workload;
    trace.weights = &weighted->weights;
    trace.weight_format = weighted->weight_format;
    if (weighted->has_bias()) trace.bias = &weighted->bias;
    trace.input = in_form_of(*trace.input, stage.workload->workload, true, input);
    trace.output = in_form_of(*trace.output, stage.workload->workload, false, output);
  } else {
    bool is_first = true;  // x + x has x once as input and once as other input
    for (const ValueId id : first.inputs) {
      if (!is_computed_float(network_, id)) continue;
      if (id == stage.input && std::exchange(is_first, false)) continue;
      trace.other_inputs.push_back(values_.get(id));
    }
  }
  if (float_values != nullptr) {
    const auto found = float_values->find(stage.output);
    if (found != float_values->end()) trace.float_output = &found->second;
  }
  listener(stage, trace);
}

}  // namespace deltahop
