// SPDX-License-Identifier: Apache-2.0
// Runs a network. In float, the plain meaning of the graph; in integers, bit-true to an IntegerModel, handing
// out one LayerTrace a stage. Values are freed as soon as nobody reads them any more.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "deltahop/network/integer_model.h"
#include "deltahop/network/network.h"
#include "deltahop/network/stage.h"
#include "deltahop/network/trace.h"

namespace deltahop {

struct RunOptions {
  int threads = 1;
};

// Called after a node has run, with the network's value ids and their tensors. The tensors live only during
// the call.
using NodeListener = std::function<void(const Node& node, const std::vector<const Tensor*>& outputs)>;

// inputs: one per network input, in order, of the bound shapes. Returns the network's outputs. Throws Error
// with the node's name as place.
std::vector<Tensor> execute(const Network& network, const std::vector<Tensor>& inputs,
                            const RunOptions& options, const NodeListener& listener = {});

struct IntegerResult {
  std::vector<Tensor> codes;   // the network's outputs as int16 codes; integer outputs (ArgMax) as they are
  std::vector<Tensor> values;  // the same in float32
  // Roundings that met a value beyond its format: those of the inputs and of every stage (LayerTrace has
  // each).
  int64_t saturated = 0;
};

// Called once a stage, in order.
using TraceListener = std::function<void(const Stage& stage, const LayerTrace& trace)>;

// An integer model made ready to run: weights rounded once. Reused for every picture, also by several threads
// at once. What is rounded, and how:
// - inputs, weights, biases and what the host computes in float: to the nearest, ties to even, saturating;
// - exact sums (Layer::accumulate): once, by the model's rounding and overflow, to the format of the layer's
// output;
// - codes that pass through a layer that keeps them: by the model's rule to the format of its output, before
// it;
// - an average that is fused behind a convolution is a second rounding: the convolution's result is stored
// first.
class IntegerExecutor {
 public:
  struct State;
  // Throws Error where a value has no format. threads: for rounding the weights.
  explicit IntegerExecutor(IntegerModel model, int threads = 1);
  IntegerExecutor(IntegerExecutor&&) noexcept;
  ~IntegerExecutor();

  const IntegerModel& model() const;
  const std::vector<Stage>& stages() const;
  // inputs: float tensors, rounded here to the input's format. float_values, where given, holds float tensors
  // by value id for LayerTrace::float_output.
  IntegerResult run(const std::vector<Tensor>& inputs, const RunOptions& options,
                    const TraceListener& listener = {},
                    const std::map<ValueId, Tensor>* float_values = nullptr) const;
  // A stage's weights as codes, [K, C/groups, R, S]; empty for stages without.
  const Tensor& weight_codes(size_t stage) const;
  // Weights beyond the range of their format, over all stages.
  int64_t clipped_weights() const;
  // What run() reads, for run/integer_pass.h.
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace deltahop
