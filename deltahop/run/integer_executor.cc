// SPDX-License-Identifier: Apache-2.0
// The bit-true integer executor: a model made ready once, then one IntegerPass an input.
#include <utility>

#include <fmt/format.h>

#include "deltahop/network/integer_rule.h"
#include "deltahop/run/integer_pass.h"

namespace deltahop {

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
  IntegerPass pass(*state_, options);
  pass.enter(inputs);
  for (size_t s = 0; s < state_->stages.size(); ++s) pass.run_stage(s, listener, float_values);
  return pass.leave();
}

}  // namespace deltahop
