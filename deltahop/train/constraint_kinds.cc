// SPDX-License-Identifier: Apache-2.0
// Kinds that say what may be sent and what activity costs; dropout.
#include "deltahop/train/constraint_kinds.h"

#include "deltahop/base/error.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/train/costs.h"

namespace deltahop {
namespace {

using Role = ForwardHooks::Role;

// Of GRUs only.
class GruConstraint : public Constraint {
 public:
  GruConstraint(const ConstraintSection& section, const ValuePlan& plan) : Constraint(section, plan) {
    if (plan.grus.empty())
      throw Error(section.place, "is for networks with GRUs, and this one has none",
                  "leave the constraint out");
  }

 protected:
  bool is_gru(const std::string& node) const {
    return meant(node) && std::find(plan().grus.begin(), plan().grus.end(), node) != plan().grus.end();
  }
};

class DeltaConstraint : public GruConstraint {
 public:
  using GruConstraint::GruConstraint;
  torch::Tensor weight(const std::string&, const std::string& node, Role role,
                       const torch::Tensor& value) override {
    if (section().candidate_bias || role != Role::bias || !is_gru(node)) return value;
    const int64_t last = value.size(-1), hidden = last / 6;  // Wb and Rb side by side, z r h each
    torch::Tensor kept = torch::ones({last}, value.options().requires_grad(false));
    kept.narrow(0, 5 * hidden, hidden).zero_();
    return value * kept;
  }
  void gru_rule(const std::string& node, DeltaGruRule& rule) override {
    if (!meant(node)) return;
    rule.theta_x = section().threshold_x * strength();
    rule.theta_h = section().threshold_h * strength();
  }
  void finish(std::map<std::string, Tensor>& constants,
              std::map<std::string, std::string>& metadata) override {
    ThresholdTable table;
    for (const Node& node : plan().network.nodes()) {
      if (!is_gru(node.name)) continue;
      table.by_node[node.name] = {.input = section().threshold_x, .hidden = section().threshold_h};
      if (section().candidate_bias || node.inputs.size() < 4 || node.inputs[3] == kNoValue) continue;
      const auto bias = constants.find(plan().network.value(node.inputs[3]).name);
      if (bias == constants.end()) continue;
      const auto values = bias->second.values<float>();
      std::fill(values.end() - std::ssize(values) / 6, values.end(), 0.0f);
    }
    std::string& text = metadata[kThresholdsKey];
    text += text_of(table);
  }
};

class DeltaCost : public GruConstraint {
 public:
  using GruConstraint::GruConstraint;
  // The mean change that is sent of one column in one step: independent of batch, length and width.
  torch::Tensor gru_cost(const std::string& node, const DeltaGruRun& run, double frames) override {
    if (!meant(node)) return {};
    const double columns = static_cast<double>(run.outputs.size(2));
    return (run.l1_x + run.l1_h) * (section().weight * strength() / (frames * columns));
  }
};

class StateNoise : public GruConstraint {
 public:
  using GruConstraint::GruConstraint;
  void gru_rule(const std::string& node, DeltaGruRule& rule) override {
    if (meant(node)) rule.noise = section().deviation * strength();
  }
};

// Of what a later layer multiplies.
class ActivityCost : public Constraint {
 public:
  ActivityCost(const ConstraintSection& section, const ValuePlan& plan, bool counts_macs)
      : Constraint(section, plan), counts_macs_(counts_macs) {
    for (const auto& [name, result] : plan.results) {
      if (result.stage.empty() || result.readers.empty() || !meant(result.stage)) continue;
      Layer& layer = layers_[name];
      layer.values =
          static_cast<double>(element_count(*plan.network.value(plan.network.find_value(name)).shape));
      all_values_ += layer.values;
      for (const ConvolutionShape& shape : result.readers) {
        const torch::Tensor macs = macs_of_values(shape, torch::kFloat32);
        layer.macs = layer.macs.defined() ? layer.macs + macs.flatten() : macs.flatten();
      }
      all_macs_ += layer.macs.sum(torch::kFloat64).item<double>();
    }
    if (layers_.empty())
      throw Error(section.place, "finds no activations that a layer multiplies",
                  "it is for networks without GRUs");
  }
  torch::Tensor value_cost(const std::string& name, const torch::Tensor& value) override {
    const auto layer = layers_.find(name);
    if (layer == layers_.end()) return {};
    const double factor = section().weight * strength();
    if (!counts_macs_) return activation_cost(value) * (factor * layer->second.values / all_values_);
    return executed_macs(value, layer->second.macs.to(value.scalar_type()), section().width) *
           (factor / all_macs_);
  }

 private:
  struct Layer {
    double values = 0;
    torch::Tensor macs;  // of each value, flat
  };
  bool counts_macs_;
  double all_values_ = 0, all_macs_ = 0;
  std::map<std::string, Layer> layers_;  // by value
};

class DropoutConstraint : public Constraint {
 public:
  DropoutConstraint(const ConstraintSection& section, const ValuePlan& plan) : Constraint(section, plan) {
    if (section.nodes.empty()) throw Error(section.place, "needs 'nodes': behind which it drops values");
  }
  torch::Tensor value(const std::string&, const std::string& node, const torch::Tensor& value) override {
    if (!training() || !meant(node)) return value;
    return torch::dropout(value, section().probability, true);
  }
};

}  // namespace

std::unique_ptr<Constraint> make_constraint(const ConstraintSection& section, const ValuePlan& plan) {
  const std::string& kind = section.kind;
  if (kind == "rounding") return make_rounding(section, plan);
  if (kind == "pow2") return make_pow2(section, plan);
  if (kind == "delta") return std::make_unique<DeltaConstraint>(section, plan);
  if (kind == "delta_cost") return std::make_unique<DeltaCost>(section, plan);
  if (kind == "state_noise") return std::make_unique<StateNoise>(section, plan);
  if (kind == "dropout") return std::make_unique<DropoutConstraint>(section, plan);
  if (kind == "activation_cost" || kind == "mac_cost")
    return std::make_unique<ActivityCost>(section, plan, kind == "mac_cost");
  throw Error(section.place, "is of no kind that is known here");
}

}  // namespace deltahop
