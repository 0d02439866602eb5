// SPDX-License-Identifier: Apache-2.0
// The bit-true integer executor: exact sums, one rounding, and what has no integer rule in float.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/integer_weights.h"
#include "deltahop/run/rounding.h"
#include "deltahop/run/value_store.h"

namespace deltahop {

struct IntegerExecutor::State {
  explicit State(IntegerModel integer_model) : model(std::move(integer_model)) {}

  IntegerModel model;
  std::vector<Stage> stages;
  std::vector<std::optional<WeightedStage>> weighted;  // one a stage
  std::map<ValueId, Tensor> constant_codes;            // of operands of other nodes with an integer rule
  std::vector<bool> on_host;                           // one a node
  int64_t clipped_weights = 0;
};

namespace {

using State = IntegerExecutor::State;

bool is_computed_float(const Network& network, ValueId id) {
  return id != kNoValue && network.value(id).constant == nullptr && is_floating(network.value(id));
}

// One pass of one input through the network.
class Pass {
 public:
  Pass(const State& state, const RunOptions& options)
      : state_(state), network_(state.model.network), options_(options), values_(network_) {
    forward_options_.threads = options.threads;
    // Nodes known at load time do not run, and keep nothing alive.
    for (const Node& node : network_.nodes()) {
      if (network_.is_constant(node)) values_.release(node);
    }
  }

  void enter(const std::vector<Tensor>& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ValueId id = network_.inputs()[i].value;
      if (!is_floating(network_.value(id)))
        values_.lend(id, inputs[i]);
      else
        values_.put(id, nearest_codes(inputs[i], format_of(id), options_.threads, &saturated_));
    }
  }

  void run_stage(size_t s, const TraceListener& listener, const std::map<ValueId, Tensor>* float_values) {
    const Stage& stage = state_.stages[s];
    stage_on_host_ = false;
    saturated_before_stage_ = saturated_;
    for (size_t i = 0; i < stage.nodes.size(); ++i) {
      const Node& node = network_.nodes()[stage.nodes[i]];
      try {
        const bool weighted = i == 0 && state_.weighted[s].has_value();
        keep(node, weighted ? one(multiplied(stage, *state_.weighted[s])) : computed(stage.nodes[i]));
      } catch (const Error& error) {
        throw Error(place_of(node), error.what());
      }
    }
    if (listener) hand_out(s, listener, float_values);
    for (const size_t n : stage.nodes) values_.release(network_.nodes()[n]);
  }

  IntegerResult leave() {
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

 private:
  FixedFormat format_of(ValueId id) const { return state_.model.formats.at(id); }
  CodeRule rule_for(ValueId id) const {
    return {format_of(id), state_.model.arithmetic.rounding, state_.model.arithmetic.overflow};
  }
  static std::vector<Tensor> one(Tensor tensor) {
    std::vector<Tensor> tensors;
    tensors.push_back(std::move(tensor));
    return tensors;
  }

  // A network output that depends on no input: the nearest codes of the best format for it.
  Tensor constant_output(ValueId id) const {
    const Tensor& constant = *network_.value(id).constant;
    return quantized(constant, format_for_range(largest_magnitude(constant), 16), Rounding::half_even);
  }

  void keep(const Node& node, std::vector<Tensor> results) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id != kNoValue && network_.value(id).constant == nullptr) values_.put(id, std::move(results.at(i)));
    }
  }

  // The stage's first node as one convolution of codes.
  Tensor multiplied(const Stage& stage, const WeightedStage& weighted) {
    const Node& node = network_.nodes()[stage.nodes[0]];
    const ValueId output = node.outputs[0];
    const FixedFormat input_format = format_of(node.inputs[0]);
    ConvolutionShape shape = stage.workload->workload.shape;
    // The rows of a matrix product are so many inputs of one position.
    if (stage.workload->workload.kind != WorkloadKind::convolution) {
      shape.batch = std::exchange(shape.in_rows, 1);
      shape.out_rows = 1;
    }
    Accumulators sums{Tensor(DataType::int64, *network_.value(output).shape),
                      input_format.fraction_bits + weighted.weight_format.fraction_bits};
    convolve(shape, values_.get(node.inputs[0])->values<int16_t>(), weighted.weights.values<int16_t>(),
             weighted.bias.values<int64_t>(), sums.sums.values<int64_t>(), options_.threads);
    return codes_of(sums, rule_for(output), options_.threads, &saturated_);
  }

  std::vector<Tensor> computed(size_t n) {
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

  std::vector<IntegerValue> operands_of(const Node& node) {
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
  IntegerValue bias_of(const Node& node, const std::vector<IntegerValue>& operands) {
    const int fraction_bits = operands[0].fraction_bits + operands[1].fraction_bits;
    scratch_.clear();
    scratch_.push_back(bias_codes(*values_.get(node.inputs[2]), fraction_bits, 0));
    return {&scratch_.back(), fraction_bits};
  }

  // The layer itself on codes, brought to the format of its output first.
  std::vector<Tensor> passed_on(const Node& node) {
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

  std::vector<Tensor> computed_on_host(const Node& node) {
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

  // [rows, channels] as the planes of a convolution of one picture: [1, channels, rows, 1].
  static Tensor planes_of(const Tensor& codes, int64_t rows, int64_t channels) {
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
  static const Tensor* in_form_of(const Tensor& codes, const Workload& workload, bool is_input,
                                  Tensor& copy) {
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

  void hand_out(size_t s, const TraceListener& listener, const std::map<ValueId, Tensor>* float_values) {
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

  const State& state_;
  const Network& network_;
  const RunOptions& options_;
  ForwardOptions forward_options_;
  ValueStore values_;
  std::vector<Tensor> scratch_;
  int64_t saturated_ = 0, saturated_before_stage_ = 0;
  bool stage_on_host_ = false;
};

}  // namespace

IntegerExecutor::IntegerExecutor(IntegerModel model, int threads)
    : state_(std::make_unique<State>(std::move(model))) {
  State& state = *state_;
  const Network& network = state.model.network;
  for (const ValueId id : values_with_formats(network)) {
    if (state.model.formats.count(id) == 0)
      throw Error(fmt::format("value '{}'", network.value(id).name), "has no number format");
  }
  state.stages = find_stages(network);
  state.on_host.assign(network.nodes().size(), false);
  for (const Stage& stage : state.stages) {
    state.weighted.push_back(prepare_weights(state.model, stage, threads, &state.clipped_weights));
    for (const size_t n : stage.nodes) {
      const Node& node = network.nodes()[n];
      const bool weighted = n == stage.nodes[0] && state.weighted.back().has_value();
      state.on_host[n] = !weighted && !host_reason(network, node).empty();
      if (weighted || state.on_host[n] || node.layer->keeps_codes()) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const auto format = state.model.formats.find(node.inputs[i]);
        if (format == state.model.formats.end() || is_bias(node, i) ||
            is_computed_float(network, node.inputs[i]))
          continue;
        state.constant_codes.emplace(
            node.inputs[i], nearest_codes(*network.value(node.inputs[i]).constant, format->second, threads,
                                          &state.clipped_weights));
      }
    }
  }
}

IntegerExecutor::IntegerExecutor(IntegerExecutor&&) noexcept = default;
IntegerExecutor::~IntegerExecutor() = default;

const IntegerModel& IntegerExecutor::model() const { return state_->model; }
const std::vector<Stage>& IntegerExecutor::stages() const { return state_->stages; }
int64_t IntegerExecutor::clipped_weights() const { return state_->clipped_weights; }

const Tensor& IntegerExecutor::weight_codes(size_t stage) const {
  static const Tensor kNone(DataType::int16, {0});
  const auto& weighted = state_->weighted.at(stage);
  return weighted ? weighted->weights : kNone;
}

IntegerResult IntegerExecutor::run(const std::vector<Tensor>& inputs, const RunOptions& options,
                                   const TraceListener& listener,
                                   const std::map<ValueId, Tensor>* float_values) const {
  check_inputs(state_->model.network, inputs);
  Pass pass(*state_, options);
  pass.enter(inputs);
  for (size_t s = 0; s < state_->stages.size(); ++s) pass.run_stage(s, listener, float_values);
  return pass.leave();
}

}  // namespace deltahop
