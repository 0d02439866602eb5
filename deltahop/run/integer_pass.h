// SPDX-License-Identifier: Apache-2.0
// One pass of one input through an integer model, stage by stage: what the executor does, for those who do a
// part of it themselves (the sparse engine, change-based inference).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "deltahop/run/executor.h"
#include "deltahop/run/integer_weights.h"
#include "deltahop/run/rounding.h"
#include "deltahop/run/value_store.h"

namespace deltahop {

// A model made ready to run.
struct IntegerExecutor::State {
  explicit State(IntegerModel integer_model) : model(std::move(integer_model)) {}

  IntegerModel model;
  std::vector<Stage> stages;
  std::vector<std::optional<WeightedStage>> weighted;  // one a stage
  std::map<ValueId, Tensor> constant_codes;            // of operands of other nodes with an integer rule
  std::vector<bool> on_host;                           // one a node
  int64_t clipped_weights = 0;
};

// A value that runs as codes: floating, and not a constant.
bool is_computed_float(const Network& network, ValueId id);

// The convolution that a stage's first node is: the rows of a matrix product are so many inputs of one
// position.
ConvolutionShape weighted_shape(const Stage& stage);

class IntegerPass {
 public:
  using State = IntegerExecutor::State;
  IntegerPass(const State& state, const RunOptions& options);
  virtual ~IntegerPass() = default;
  IntegerPass(const IntegerPass&) = delete;
  IntegerPass& operator=(const IntegerPass&) = delete;

  // Rounds the inputs to codes.
  void enter(const std::vector<Tensor>& inputs);
  void run_stage(size_t s, const TraceListener& listener = {},
                 const std::map<ValueId, Tensor>* float_values = nullptr);
  IntegerResult leave();

  ValueStore& values() { return values_; }
  FixedFormat format_of(ValueId id) const { return state_.model.formats.at(id); }
  CodeRule rule_for(ValueId id) const {
    return {format_of(id), state_.model.arithmetic.rounding, state_.model.arithmetic.overflow};
  }

 protected:
  // The first node of stage `s` as one convolution of codes, rounded to the format of its output.
  virtual Tensor multiplied(size_t s, const Tensor& input);

  const State& state_;
  const Network& network_;
  const RunOptions& options_;
  int64_t saturated_ = 0;

 private:
  Tensor constant_output(ValueId id) const;
  void keep(const Node& node, std::vector<Tensor> results);
  std::vector<Tensor> computed(size_t n);
  std::vector<IntegerValue> operands_of(const Node& node);
  IntegerValue bias_of(const Node& node, const std::vector<IntegerValue>& operands);
  std::vector<Tensor> passed_on(const Node& node);
  std::vector<Tensor> computed_on_host(const Node& node);
  void hand_out(size_t s, const TraceListener& listener, const std::map<ValueId, Tensor>* float_values);

  ForwardOptions forward_options_;
  ValueStore values_;
  std::vector<Tensor> scratch_;
  int64_t saturated_before_stage_ = 0;
  bool stage_on_host_ = false;
};

}  // namespace deltahop
