// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/value_plan.h"

#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/network/recurrent_cell.h"
#include "deltahop/network/stage.h"

namespace deltahop {
namespace {

// Open dimensions become 1.
Network bound_to_ones(const Network& network) {
  std::vector<Shape> shapes;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    for (int64_t& dimension : shape) dimension = dimension == kSymbolic ? 1 : dimension;
    shapes.push_back(std::move(shape));
  }
  return network.bound(shapes);
}

class Planner {
 public:
  explicit Planner(ValuePlan& plan)
      : plan_(plan), network_(plan.network), stages_(find_stages(plan.network)) {}

  void find_made() {
    for (const auto& group : values_of_one_format(network_))
      for (const ValueId id : group) group_of_[id] = name_of(group.front());
    for (const NetworkInput& input : network_.inputs()) add_made(input.value, true);
    for (const Stage& stage : stages_) {
      const bool host = !host_reason(network_, network_.nodes()[stage.nodes.front()]).empty();
      // ReLU and the maximum commute with rounding, which is done once behind them; an average does not.
      if (stage.workload && stage.workload->pooling &&
          stage.workload->pooling->kind == Pooling::Kind::average)
        add_made(network_.nodes()[stage.nodes.back()].inputs.at(0), false);
      add_made(stage.output, host);
    }
  }
  void find_products() {
    for (const Node& node : network_.nodes()) {
      if (!is_weighted_sum(network_, node)) continue;
      const bool biased = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
      plan_.products.push_back({node.name, name_of(node.inputs[1]), biased ? name_of(node.inputs[2]) : "",
                                name_of(node.inputs[0])});
    }
  }
  void find_results() {
    for (const NetworkInput& input : network_.inputs()) plan_.results[name_of(input.value)] = {};
    for (const Stage& stage : stages_) {
      if (stage.output == kNoValue) continue;
      plan_.results[name_of(stage.output)].stage = network_.nodes()[stage.nodes.front()].name;
    }
    for (const Stage& stage : stages_) {
      if (!stage.workload || stage.input == kNoValue || plan_.recurrent) continue;
      plan_.results[name_of(stage.input)].readers.push_back(stage.workload->workload.shape);
    }
  }

 private:
  std::string name_of(ValueId id) const { return network_.value(id).name; }
  void add_made(ValueId id, bool to_nearest) {
    if (id == kNoValue || !is_floating(network_.value(id))) return;
    const auto group = group_of_.find(id);
    plan_.made[name_of(id)] = {group != group_of_.end() ? group->second : name_of(id), to_nearest};
  }

  ValuePlan& plan_;
  const Network& network_;
  std::vector<Stage> stages_;
  std::map<ValueId, std::string> group_of_;
};

}  // namespace

ValuePlan::ValuePlan(const Network& given) : network(folded(bound_to_ones(given))) {
  for (const Node& node : given.nodes())
    normalises = normalises || node.layer->operator_name() == "BatchNormalization";
  for (const Node& node : network.nodes()) {
    if (!cell_kind_of(*node.layer) || network.is_constant(node)) continue;
    recurrent = true;
    if (cell_kind_of(*node.layer) == CellKind::gru) grus.push_back(node.name);
  }
  Planner planner(*this);
  if (!recurrent) planner.find_made();
  planner.find_products();
  planner.find_results();
}

}  // namespace deltahop
