// SPDX-License-Identifier: Apache-2.0
// Kinds that change numbers: dual-copy rounding [Stromatias2015] and pow2-ternarisation [Ott2016].
#include "deltahop/train/constraint_kinds.h"

#include <cmath>

#include "deltahop/base/error.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/network/quantized_gru.h"
#include "deltahop/train/rounding.h"

namespace deltahop {
namespace {

using Role = ForwardHooks::Role;

double largest_of(const Tensor& tensor) {
  double largest = 0;
  for (const float value : tensor.values<float>())
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

// Numbers rounded as the executor rounds them, in place.
void round_all(Tensor& tensor, FixedFormat format, bool symmetric) {
  const auto highest = static_cast<double>(format.highest());
  const double lowest = symmetric ? -highest : static_cast<double>(format.lowest());
  for (float& value : tensor.values<float>()) {
    const double code = std::nearbyint(std::ldexp(static_cast<double>(value), format.fraction_bits));
    value = static_cast<float>(std::clamp(code, lowest, highest) * format.step());
  }
}

// What the two forms of rounding share: formats from the section, the straight-through call.
class RoundingConstraint : public Constraint {
 public:
  using Constraint::Constraint;

 protected:
  // Of Qm.n with `fraction` given, else from the largest magnitude.
  FixedFormat weight_format(double largest) const {
    const int bits = static_cast<int>(section().weight_bits);
    if (section().weight_fraction >= 0) return {bits, static_cast<int>(section().weight_fraction)};
    return format_for_range(largest, bits);
  }
  torch::Tensor passed(const torch::Tensor& value, FixedFormat format, const RoundingRule& rule) const {
    if (section().stochastic && training()) return stochastically_rounded(value, format, rule);
    return rounded(value, format, rule);
  }
};

// Of a network without recurrent layers: as the integer executor rounds it.
class NetworkRounding : public RoundingConstraint {
 public:
  NetworkRounding(const ConstraintSection& section, const ValuePlan& plan)
      : RoundingConstraint(section, plan) {
    if (plan.normalises)
      throw Error(section.place,
                  "rounds a network with batch normalisation, which is folded when it is exported",
                  "leave batch_norm out of the network");
    if (!section.nodes.empty())
      throw Error(section.place, "rounding has no 'nodes' in a network without GRUs",
                  "it is for all of them");
    sums_ = parse_rounding(section.sums);
    for (const ValuePlan::Product& product : plan.products) weights_.insert(product.weights);
  }

  torch::Tensor weight(const std::string& name, const std::string&, Role role,
                       const torch::Tensor& value) override {
    if (role != Role::weight || weights_.count(name) == 0) return value;
    const bool given = section().weight_fraction >= 0;
    const double largest = given ? 0 : value.detach().abs().max().item<double>();
    return passed(value, weight_format(largest), {});
  }

  torch::Tensor value(const std::string& name, const std::string&, const torch::Tensor& value) override {
    const auto made = plan().made.find(name);
    if (made == plan().made.end()) return value;
    if (training() && section().activation_fraction < 0) observe(made->second.group, value);
    const RoundingRule rule{made->second.to_nearest ? Rounding::half_even : sums_, false, BeyondRange::stops};
    return made->second.to_nearest ? rounded(value, format_of(made->second.group), rule)
                                   : passed(value, format_of(made->second.group), rule);
  }

  void finish(std::map<std::string, Tensor>& constants,
              std::map<std::string, std::string>& metadata) override {
    IntegerModel model{plan().network, {16, 16, sums_, Overflow::saturate}, {}, {}};
    for (const ValueId id : values_with_formats(plan().network)) {
      const Value& value = plan().network.value(id);
      if (value.constant == nullptr) {
        const auto made = plan().made.find(value.name);
        model.formats[id] = format_of(made != plan().made.end() ? made->second.group : group_of(id));
        continue;
      }
      const auto constant = constants.find(value.name);
      const Tensor& numbers = constant != constants.end() ? constant->second : *value.constant;
      const FixedFormat format = weight_format(largest_of(numbers));
      model.formats[id] = format;
      if (constant != constants.end()) round_all(constant->second, format, false);
    }
    metadata[std::string(kFormatsKey)] = formats_text(model);
  }

  std::map<std::string, double> state() const override { return largest_; }
  void restore(const std::map<std::string, double>& state) override { largest_ = state; }

 private:
  // A running mean of the batches' largest magnitudes, so that one outlier does not cost a bit for ever.
  void observe(const std::string& group, const torch::Tensor& value) {
    constexpr double kKept = 0.99;
    const double largest = value.detach().abs().max().item<double>();
    const auto [entry, is_new] = largest_.emplace(group, largest);
    if (!is_new) entry->second = kKept * entry->second + (1 - kKept) * largest;
  }
  FixedFormat format_of(const std::string& group) const {
    const int bits = static_cast<int>(section().activation_bits);
    if (section().activation_fraction >= 0) return {bits, static_cast<int>(section().activation_fraction)};
    const auto found = largest_.find(group);
    return format_for_range(found != largest_.end() ? found->second : 1.0, bits);
  }
  // Of a value inside a pass, which is not rounded itself: that of the pass's result.
  std::string group_of(ValueId id) const {
    for (const auto& group : values_of_one_format(plan().network)) {
      if (std::find(group.begin(), group.end(), id) != group.end())
        return plan().network.value(group.front()).name;
    }
    return plan().network.value(id).name;
  }

  Rounding sums_ = Rounding::floor;
  std::set<std::string> weights_;
  std::map<std::string, double> largest_;  // by group
};

// Of a network of GRUs: weights, inputs and states as EdgeDRNN holds them; what follows the GRUs runs in
// float, with its weights rounded.
class GruRounding : public RoundingConstraint {
 public:
  GruRounding(const ConstraintSection& section, const ValuePlan& plan) : RoundingConstraint(section, plan) {
    const int activation_bits = static_cast<int>(section.activation_bits);
    const int fraction = section.activation_fraction >= 0 ? static_cast<int>(section.activation_fraction)
                                                          : activation_bits / 2;
    const int weight_bits = static_cast<int>(section.weight_bits);
    formats_.activation = {activation_bits, fraction};
    formats_.weight = {weight_bits, section.weight_fraction >= 0 ? static_cast<int>(section.weight_fraction)
                                                                 : weight_bits - 1};
    formats_.gate_fraction_bits = std::min(formats_.gate_fraction_bits, fraction);
    try {
      check_formats(formats_);
    } catch (const Error& error) {
      throw Error(section.place, error.what());
    }
  }

  torch::Tensor weight(const std::string&, const std::string& node, Role role,
                       const torch::Tensor& value) override {
    if (!meant(node)) return value;
    if (is_gru(node)) return passed(value, formats_.weight, {.symmetric = true});
    if (role != Role::weight) return value;
    return passed(value, weight_format(value.detach().abs().max().item<double>()), {});
  }
  torch::Tensor gru_inputs(const std::string& node, const torch::Tensor& value) override {
    return meant(node) ? rounded(value, formats_.activation, {.beyond = BeyondRange::stops}) : value;
  }
  void gru_rule(const std::string& node, DeltaGruRule& rule) override {
    if (meant(node)) rule.hidden_fraction_bits = formats_.activation.fraction_bits;
  }

  void finish(std::map<std::string, Tensor>& constants,
              std::map<std::string, std::string>& metadata) override {
    for (const Node& node : plan().network.nodes()) {
      if (!meant(node.name)) continue;
      for (const ValueId id : node.inputs) {
        if (id == kNoValue) continue;
        const auto constant = constants.find(plan().network.value(id).name);
        if (constant != constants.end() && is_gru(node.name))
          round_all(constant->second, formats_.weight, true);
      }
    }
    for (const ValuePlan::Product& product : plan().products) {
      if (!meant(product.node)) continue;
      const auto weights = constants.find(product.weights), bias = constants.find(product.bias);
      if (weights == constants.end()) continue;
      const FixedFormat format = weight_format(largest_of(weights->second));
      round_all(weights->second, format, false);
      // Biases at the scale of the sums: then float32 and double add the same numbers.
      if (bias != constants.end())
        round_all(bias->second, {31, format.fraction_bits + formats_.activation.fraction_bits}, false);
    }
    metadata[kGruFormatsKey] = text_of(formats_);
  }

 private:
  bool is_gru(const std::string& node) const {
    return std::find(plan().grus.begin(), plan().grus.end(), node) != plan().grus.end();
  }
  DeltaGruFormats formats_;
};

class Pow2Constraint : public Constraint {
 public:
  using Constraint::Constraint;
  torch::Tensor weight(const std::string&, const std::string& node, Role role,
                       const torch::Tensor& value) override {
    if ((role != Role::weight && role != Role::recurrent_weight) || !meant(node)) return value;
    return pow2_ternary(value, static_cast<int>(section().fraction));
  }
  void finish(std::map<std::string, Tensor>& constants, std::map<std::string, std::string>&) override {
    const FixedFormat format{2, static_cast<int>(section().fraction)};
    std::set<std::string> done;
    for (const Node& node : plan().network.nodes()) {
      if (!meant(node.name)) continue;
      const bool is_gru = std::find(plan().grus.begin(), plan().grus.end(), node.name) != plan().grus.end();
      const bool is_product = std::any_of(plan().products.begin(), plan().products.end(),
                                          [&](const auto& product) { return product.node == node.name; });
      for (size_t i = 1; i < node.inputs.size() && i <= (is_gru ? 2u : is_product ? 1u : 0u); ++i)
        if (const auto found = constants.find(plan().network.value(node.inputs[i]).name);
            found != constants.end())
          round_all(found->second, format, true);
    }
  }
};

}  // namespace

std::unique_ptr<Constraint> make_rounding(const ConstraintSection& section, const ValuePlan& plan) {
  if (plan.recurrent) return std::make_unique<GruRounding>(section, plan);
  return std::make_unique<NetworkRounding>(section, plan);
}
std::unique_ptr<Constraint> make_pow2(const ConstraintSection& section, const ValuePlan& plan) {
  return std::make_unique<Pow2Constraint>(section, plan);
}

}  // namespace deltahop
