// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/constraint.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/compress/fold.h"

namespace deltahop {
namespace {

// `*` stands for any letters.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (size_t skip = 0; skip <= name.size(); ++skip)
      if (matches(pattern.substr(1), name.substr(skip))) return true;
    return false;
  }
  return !name.empty() && pattern[0] == name[0] && matches(pattern.substr(1), name.substr(1));
}

// The GRU that PyTorch has and delta_gru() computes, from a state of zeros.
bool is_plain_gru(const RecurrentCall& call) {
  const CellRules& rules = call.rules;
  const std::vector<CellActivation> usual = default_activations(CellKind::gru);
  return rules.kind == CellKind::gru && rules.linear_before_reset && rules.clip == 0 &&
         std::equal(usual.begin(), usual.end(), rules.activations.begin(), rules.activations.end(),
                    [](const CellActivation& a, const CellActivation& b) { return a.kind == b.kind; }) &&
         (!call.initial_hidden.defined() || call.initial_hidden.count_nonzero().item<int64_t>() == 0);
}

// The same network with other constants and metadata.
Network rebuilt(const Network& network, const std::map<std::string, Tensor>& constants,
                const std::map<std::string, std::string>& metadata) {
  NetworkBuilder builder(network.name());
  std::vector<ValueId> ids(network.values().size(), kNoValue);
  for (const NetworkInput& input : network.inputs()) {
    const Value& value = network.value(input.value);
    ids[static_cast<size_t>(input.value)] =
        builder.input(value.name, value.type, input.declared, input.dimension_names);
  }
  for (size_t id = 0; id < ids.size(); ++id) {
    const Value& value = network.values()[id];
    if (ids[id] != kNoValue) continue;
    const auto given = constants.find(value.name);
    ids[id] = value.constant == nullptr  ? builder.declare(value.name)
              : given != constants.end() ? builder.constant(value.name, given->second)
                                         : builder.constant(value.name, value.constant);
  }
  const auto renamed = [&](const std::vector<ValueId>& values) {
    std::vector<ValueId> result;
    for (const ValueId id : values)
      result.push_back(id == kNoValue ? kNoValue : ids[static_cast<size_t>(id)]);
    return result;
  };
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node)) continue;
    builder.layer_into(node.layer, node.name, renamed(node.inputs), renamed(node.outputs));
  }
  for (const ValueId id : network.outputs()) builder.output(ids[static_cast<size_t>(id)]);
  for (const auto& [key, text] : network.metadata()) builder.metadata(key, text);
  for (const auto& [key, text] : metadata) builder.metadata(key, text);
  return builder.build();
}

}  // namespace

Constraint::Constraint(ConstraintSection section, const ValuePlan& plan)
    : section_(std::move(section)), plan_(plan) {
  for (const std::string& pattern : section_.nodes) {
    const auto& nodes = plan.network.nodes();
    if (std::none_of(nodes.begin(), nodes.end(),
                     [&](const Node& node) { return matches(pattern, node.name); })) {
      std::vector<std::string> names;
      for (const Node& node : nodes) names.push_back(node.name);
      throw Error(section_.place, fmt::format("no node is called '{}'", pattern), suggest(pattern, names));
    }
  }
}

bool Constraint::meant(const std::string& node) const {
  return section_.nodes.empty() || std::any_of(section_.nodes.begin(), section_.nodes.end(),
                                               [&](const std::string& each) { return matches(each, node); });
}

ConstraintSet::ConstraintSet(const std::vector<ConstraintSection>& sections, TrainableGraph& graph)
    : graph_(graph), plan_(graph.network()), macs_(plan_) {
  for (const ConstraintSection& section : sections) constraints_.push_back(make_constraint(section, plan_));
  require_one_threshold_each();
  begin_evaluation();
  begin_epoch(0);
}

// The file has one line a layer.
void ConstraintSet::require_one_threshold_each() const {
  for (const std::string& node : plan_.grus) {
    const Constraint* first = nullptr;
    for (const auto& each : constraints_) {
      const ConstraintSection& section = each->section();
      if (section.kind != "delta" || !section.holds_at_the_end() || !each->meant(node)) continue;
      if (first != nullptr)
        throw Error(section.place,
                    fmt::format("'{}' has its thresholds from '{}' already", node, first->section().name),
                    "let a variant name the one that holds, or end one of them");
      first = each.get();
    }
  }
}

void ConstraintSet::begin_epoch(int64_t epoch) {
  for (const auto& each : constraints_) each->begin_epoch(epoch);
}

void ConstraintSet::begin_batch(const Examples&) {
  cost_ = torch::Tensor();
  training_ = graph_.training();
  for (const auto& each : constraints_) each->set_training(training_);
}

void ConstraintSet::begin_evaluation() {
  zeros_.clear();
  macs_.clear();
  deltas_.clear();
}

int64_t ConstraintSet::settled_from() const {
  int64_t epoch = 0;
  for (const auto& each : constraints_) {
    const ConstraintSection& section = each->section();
    epoch = std::max(epoch,
                     section.end_epoch < 0 ? section.start_epoch + section.ramp_epochs : section.end_epoch);
  }
  return epoch;
}

void ConstraintSet::charge(const torch::Tensor& term) {
  if (!term.defined()) return;
  cost_ = cost_.defined() ? cost_ + term : term;
}

torch::Tensor ConstraintSet::weight(const std::string& name, const std::string& node, Role role,
                                    const torch::Tensor& value) {
  torch::Tensor result = value;
  for (const auto& each : constraints_)
    if (each->holds()) result = each->weight(name, node, role, result);
  return result;
}

torch::Tensor ConstraintSet::value(const std::string& name, const std::string& node,
                                   const torch::Tensor& value) {
  torch::Tensor result = value;
  for (const auto& each : constraints_)
    if (each->holds()) result = each->value(name, node, result);
  if (!training_) count_zeros(name, result);
  if (training_) {
    for (const auto& each : constraints_)
      if (each->holds()) charge(each->value_cost(name, result));
  }
  return result;
}

void ConstraintSet::count_zeros(const std::string& name, const torch::Tensor& value) {
  const auto counted = plan_.results.find(name);
  if (counted != plan_.results.end() && !counted->second.stage.empty()) {
    Count& count = zeros_[counted->second.stage];
    count.values += value.numel();
    count.zeros += value.numel() - value.count_nonzero().item<int64_t>();
  }
  macs_.add(name, value);
}

void ConstraintSet::add_executed_macs(Metrics& metrics) const {
  const auto executed = static_cast<double>(macs_.executed()), all = static_cast<double>(macs_.all());
  if (all == 0) return;
  metrics["executed_macs"] = executed / static_cast<double>(macs_.examples());
  metrics["executed_macs_fraction"] = executed / all;
}

bool ConstraintSet::recurrent(const RecurrentCall& call, RecurrentResult& result) {
  if (!is_plain_gru(call)) return false;
  DeltaGruRule rule;
  torch::Tensor inputs = call.inputs;
  for (const auto& each : constraints_) {
    if (!each->holds()) continue;
    each->gru_rule(call.node, rule);
    inputs = each->gru_inputs(call.node, inputs);
  }
  if (!training_) rule.noise = 0;
  const DeltaGruRun run =
      delta_gru(inputs, {call.input_weights, call.recurrent_weights, call.input_bias, call.recurrent_bias},
                rule, call.lengths);
  result.outputs = run.outputs;
  const int64_t frames =
      call.lengths.defined() ? call.lengths.sum().item<int64_t>() : inputs.size(0) * inputs.size(1);
  DeltaCount& count = deltas_[call.node];
  count.sent_x += run.sent_x.item<int64_t>();
  count.sent_h += run.sent_h.item<int64_t>();
  count.frames += frames;
  count.inputs = inputs.size(2);
  count.hidden = run.outputs.size(2);
  if (training_) {
    for (const auto& each : constraints_)
      if (each->holds()) charge(each->gru_cost(call.node, run, static_cast<double>(frames)));
  }
  return true;
}

Metrics ConstraintSet::metrics() {
  Metrics metrics;
  for (const auto& [stage, count] : zeros_)
    metrics[stage + ".zeros_fraction"] = static_cast<double>(count.zeros) / static_cast<double>(count.values);
  add_executed_macs(metrics);
  double read = 0, all = 0;
  for (const auto& [node, count] : deltas_) {
    const double steps = static_cast<double>(count.frames), rows = 3 * static_cast<double>(count.hidden);
    metrics[node + ".sent_x_fraction"] =
        static_cast<double>(count.sent_x) / (steps * static_cast<double>(count.inputs));
    metrics[node + ".sent_h_fraction"] =
        static_cast<double>(count.sent_h) / (steps * static_cast<double>(count.hidden));
    read += rows * static_cast<double>(count.sent_x + count.sent_h);
    all += rows * steps * static_cast<double>(count.inputs + count.hidden);
  }
  if (all > 0) metrics["read_weights_fraction"] = read / all;
  return metrics;
}

Network ConstraintSet::finished(const Network& trained) {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> constants;
  const bool any = std::any_of(constraints_.begin(), constraints_.end(),
                               [](const auto& each) { return each->section().holds_at_the_end(); });
  if (!any) return trained;
  for (const Value& value : trained.values())
    if (value.constant != nullptr && value.constant->type() == DataType::float32)
      constants.emplace(value.name, *value.constant);
  for (const auto& each : constraints_)
    if (each->section().holds_at_the_end()) each->finish(constants, metadata);
  return rebuilt(trained, constants, metadata);
}

// "name/key value" a line; numbers in hexadecimal, exact.
std::string ConstraintSet::state() const {
  std::string text;
  for (const auto& each : constraints_)
    for (const auto& [key, value] : each->state())
      text += fmt::format("{:a} {}/{}\n", value, each->section().name, key);
  return text;
}

void ConstraintSet::set_state(const std::string& text) {
  std::map<std::string, std::map<std::string, double>> states;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    char* end = nullptr;
    const double value = std::strtod(line.c_str(), &end);
    const std::string rest = *end == ' ' ? end + 1 : "";
    const size_t slash = rest.find('/');
    if (slash == std::string::npos) throw Error("checkpoint", "its constraints cannot be read", "start anew");
    states[rest.substr(0, slash)][rest.substr(slash + 1)] = value;
  }
  for (const auto& each : constraints_) each->restore(states[each->section().name]);
}

std::unique_ptr<TrainingHooks> make_training_hooks(const Recipe& recipe, TrainableGraph& graph,
                                                   const Dataset&) {
  return std::make_unique<ConstraintSet>(recipe.constraints, graph);
}

}  // namespace deltahop
