// SPDX-License-Identifier: Apache-2.0
// Steps down the gradient: SGD with momentum, Adam, AdamW. Its state is plain tensors by name, so that a
// checkpoint holds all of it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/recipe/recipe.h"
#include "deltahop/train/graph.h"

namespace deltahop {

class Optimizer {
 public:
  // Weight decay is for weights, not for biases and normalisation. graph must outlive the optimiser.
  Optimizer(const OptimizerSection& section, TrainableGraph& graph);

  void clear_gradients();
  // Scales the gradients down where they are longer than the section allows, then steps. Returns their length
  // before.
  double step(double learning_rate);

  // Moments and the number of steps, by name.
  std::map<std::string, torch::Tensor> state() const;
  // Throws Error where one is missing or of another shape.
  void set_state(const std::map<std::string, torch::Tensor>& state);

 private:
  double clip_gradients();
  void step_one(size_t index, double learning_rate);

  OptimizerSection section_;
  TrainableGraph& graph_;
  int64_t steps_ = 0;
  std::vector<torch::Tensor> first_, second_;  // moments, one a parameter
};

// The learning rate of each epoch.
class Schedule {
 public:
  Schedule(const ScheduleSection& section, double learning_rate, int64_t epochs)
      : section_(section), base_(learning_rate), epochs_(epochs) {}

  double rate(int64_t epoch) const;
  // What the epoch gave: for "plateau". lower is better.
  void note(double validation_loss);

  struct State {
    double factor = 1.0, best = 0.0;
    int64_t waited = 0;
    bool has_best = false;
  };
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  ScheduleSection section_;
  double base_;
  int64_t epochs_;
  State state_;
};

}  // namespace deltahop
