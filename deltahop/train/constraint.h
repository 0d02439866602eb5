// SPDX-License-Identifier: Apache-2.0
// Constraints in the loop: what a recipe's `constraints` do to weights and values on the way forward, what
// they add to the loss, what they count, and what the exported network says of them. Every kind composes with
// every other.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/recipe/constraint_section.h"
#include "deltahop/train/delta_gru.h"
#include "deltahop/train/executed_macs.h"
#include "deltahop/train/hooks.h"
#include "deltahop/train/value_plan.h"

namespace deltahop {

// One entry of the recipe. What is not overridden changes nothing.
class Constraint {
 public:
  Constraint(ConstraintSection section, const ValuePlan& plan);
  virtual ~Constraint() = default;
  const ConstraintSection& section() const { return section_; }

  void begin_epoch(int64_t epoch) { strength_ = section_.strength(epoch); }
  void set_training(bool training) { training_ = training; }
  bool holds() const { return strength_ > 0; }
  bool meant(const std::string& node) const;  // by `nodes`

  virtual torch::Tensor weight(const std::string&, const std::string&, ForwardHooks::Role,
                               const torch::Tensor& value) {
    return value;
  }
  virtual torch::Tensor value(const std::string&, const std::string&, const torch::Tensor& value) {
    return value;
  }
  // A GRU's inputs before they are held, and the rule by which it runs.
  virtual torch::Tensor gru_inputs(const std::string&, const torch::Tensor& value) { return value; }
  virtual void gru_rule(const std::string&, DeltaGruRule&) {}
  // A term of the loss from a GRU's run, `frames` of which count; undefined: none.
  virtual torch::Tensor gru_cost(const std::string&, const DeltaGruRun&, double /*frames*/) { return {}; }
  // A term of the loss from a value that has passed all constraints.
  virtual torch::Tensor value_cost(const std::string&, const torch::Tensor&) { return {}; }
  // What the exported network is made of: called where the constraint holds at the end.
  virtual void finish(std::map<std::string, Tensor>& /*constants*/,
                      std::map<std::string, std::string>& /*metadata*/) {}
  // What must be kept for training to go on as if it had not stopped.
  virtual std::map<std::string, double> state() const { return {}; }
  virtual void restore(const std::map<std::string, double>&) {}

 protected:
  const ValuePlan& plan() const { return plan_; }
  double strength() const { return strength_; }
  bool training() const { return training_; }

 private:
  ConstraintSection section_;
  const ValuePlan& plan_;
  double strength_ = 0;
  bool training_ = true;
};

// Throws Error, the section's place in front, where the network has nothing that this kind is for.
std::unique_ptr<Constraint> make_constraint(const ConstraintSection& section, const ValuePlan& plan);

class ConstraintSet : public TrainingHooks {
 public:
  // Throws Error, the place of the constraint in front. graph must outlive it.
  ConstraintSet(const std::vector<ConstraintSection>& sections, TrainableGraph& graph);

  void begin_epoch(int64_t epoch) override;
  void begin_batch(const Examples& batch) override;
  torch::Tensor cost() override { return cost_; }
  void begin_evaluation() override;
  // "<stage>.zeros_fraction" of what a stage gives; of delta GRUs "<node>.sent_x_fraction",
  // "<node>.sent_h_fraction", and "read_weights_fraction" over all of them. "executed_macs" of an example by
  // a chip that skips zero activations, inside the pictures, and their fraction of all of those.
  Metrics metrics() override;
  std::string state() const override;
  void set_state(const std::string& text) override;
  int64_t settled_from() const override;
  Network finished(const Network& network) override;

  torch::Tensor weight(const std::string& name, const std::string& node, Role role,
                       const torch::Tensor& value) override;
  torch::Tensor value(const std::string& name, const std::string& node, const torch::Tensor& value) override;
  bool recurrent(const RecurrentCall& call, RecurrentResult& result) override;

 private:
  struct Count {
    int64_t zeros = 0, values = 0;
  };
  struct DeltaCount {
    int64_t sent_x = 0, sent_h = 0, frames = 0, inputs = 0, hidden = 0;
  };
  void require_one_threshold_each() const;
  void charge(const torch::Tensor& term);
  void count_zeros(const std::string& name, const torch::Tensor& value);
  void add_executed_macs(Metrics& metrics) const;

  TrainableGraph& graph_;
  ValuePlan plan_;
  std::vector<std::unique_ptr<Constraint>> constraints_;
  bool training_ = true;
  torch::Tensor cost_;
  std::map<std::string, Count> zeros_;        // by stage
  std::map<std::string, DeltaCount> deltas_;  // by node
  ExecutedMacsCount macs_;
};

}  // namespace deltahop
