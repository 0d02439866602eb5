// SPDX-License-Identifier: Apache-2.0
// A one-step network made ready to run: a place for every value, and the steps in order. Inside of Session.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deltahop/kernels/row_workers.h"
#include "deltahop/run/constant_product.h"
#include "deltahop/run/delta_engine.h"
#include "deltahop/run/one_step.h"
#include "deltahop/run/session.h"
#include "deltahop/run/session_steps.h"
#include "deltahop/run/state_loops.h"

namespace deltahop {

// The state of one recurrent layer, carried from step to step.
struct CellState {
  std::vector<float> hidden, cell;              // [streams][H]
  std::vector<float> first_hidden, first_cell;  // before the first step
  bool has_started = false;
};

class SessionPlan {
 public:
  SessionPlan(OneStep one_step, std::vector<LoopIndices> loops, const SessionOptions& options);
  SessionPlan(const SessionPlan&) = delete;
  SessionPlan& operator=(const SessionPlan&) = delete;

  void run();
  void reset();
  void save(StateWriter& writer) const;
  void restore(StateReader& reader);
  // What save() writes; two plans with the same text understand each other's states.
  std::string layout_text() const;

  const Network& network() const { return network_; }
  const std::vector<LoopIndices>& loops() const { return loops_; }
  std::span<float> input(size_t index) { return inputs_.at(index).values; }
  std::span<const float> output(size_t index) const { return outputs_.at(index).values; }
  const std::vector<std::string>& allocating_nodes() const { return allocating_; }
  const std::vector<DeltaEngine*>& engines() const { return engines_; }

 private:
  // What the caller sees of an input or output: the value itself, or floats in place of another type.
  struct Port {
    Tensor* tensor = nullptr;
    std::vector<float> copy;  // of a value that is not float
    std::span<float> values;
  };

  void make_places();
  void make_tensor(ValueId id);
  void make_step(size_t index);
  bool make_cell(const Node& node);
  bool make_product(size_t index);
  void make_layer(const Node& node);
  void make_ports();
  EngineOptions engine_options(const Node& node) const;
  const Tensor* tensor_of(ValueId id);

  Network network_;
  std::vector<LoopIndices> loops_;
  // A sequence brings its state in at its start only; a graph of one step, or a loop, in every step.
  bool carries_states_;
  SessionOptions options_;
  std::unique_ptr<RowWorkers> workers_;
  std::vector<std::unique_ptr<Tensor>> tensors_;  // by value; null for constants and views
  ValuePlaces places_;
  std::vector<std::unique_ptr<SessionStep>> steps_;
  std::vector<std::unique_ptr<CellState>> cells_;
  std::vector<DeltaEngine*> engines_;  // owned by the steps
  std::vector<Port> inputs_, outputs_;
  std::vector<std::unique_ptr<Tensor>> output_copies_;
  std::vector<std::string> allocating_;
  std::vector<ProductRole> roles_;  // by node
};

}  // namespace deltahop
