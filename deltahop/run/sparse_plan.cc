// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/sparse_plan.h"

#include <algorithm>
#include <map>

#include "deltahop/network/fused_pooling.h"
#include "deltahop/network/integer_rule.h"

namespace deltahop {

std::optional<MapSize> map_size(const Network& network, ValueId value) {
  const auto& shape = network.value(value).shape;
  if (!shape || shape->empty() || shape->front() != 1 || element_count(*shape) == 0) return std::nullopt;
  if (shape->size() == 4) return MapSize{(*shape)[2], (*shape)[3], (*shape)[1]};
  if (shape->size() == 2) return MapSize{1, 1, (*shape)[1]};
  return std::nullopt;
}

namespace {

class Planner {
 public:
  Planner(const Network& network, const std::vector<Stage>& stages, const PlanRules& rules)
      : network_(network),
        stages_(stages),
        rules_(rules),
        readers_(network.reader_counts()),
        nonnegative_(network.values().size(), false),
        reader_(network.values().size(), -1) {
    for (size_t s = 0; s < stages.size(); ++s) {
      for (const size_t n : stages[s].nodes) {
        for (const ValueId id : network.nodes()[n].inputs) note(reader_, id, s);
      }
    }
  }

  std::vector<SparseStep> plan() {
    std::vector<bool> taken(stages_.size(), false);
    for (size_t s = 0; s < stages_.size(); ++s) {
      if (taken[s]) continue;
      SparseStep step = step_of(s);
      for (const size_t done : step.stages) taken[done] = true;
      mark_nonnegative(step);
      steps_.push_back(std::move(step));
    }
    for (size_t i = 0; i < steps_.size(); ++i) write_in_place(i);
    return std::move(steps_);
  }

 private:
  static void note(std::vector<int64_t>& table, ValueId id, size_t stage) {
    if (id != kNoValue) table[static_cast<size_t>(id)] = static_cast<int64_t>(stage);
  }
  const Node& first_node(size_t s) const { return network_.nodes()[stages_[s].nodes[0]]; }
  bool is(size_t s, std::string_view name) const {
    const Layer& layer = *first_node(s).layer;
    return layer.domain().empty() && layer.operator_name() == name;
  }
  bool fits(ValueId id) const {
    return id != kNoValue && network_.value(id).constant == nullptr && map_size(network_, id) &&
           rules_.fits_map(id);
  }
  // The stage that alone reads a value; none where a network output reads it, too.
  std::optional<size_t> only_reader(ValueId id) const {
    const auto at = static_cast<size_t>(id);
    if (readers_[at] != 1 || reader_[at] < 0) return std::nullopt;
    return static_cast<size_t>(reader_[at]);
  }

  SparseStep general(size_t s) const {
    SparseStep step;
    step.stages = {s};
    step.inputs = {stages_[s].input};
    step.output = stages_[s].output;
    return step;
  }

  SparseStep step_of(size_t s) {
    std::optional<SparseStep> step;
    const Node& node = first_node(s);
    if (node.outputs.size() != 1) return general(s);
    if ((is(s, "Flatten") || is(s, "Reshape")) && stages_[s].nodes.size() == 1) step = flattened_product(s);
    if (is_weighted_sum(network_, node)) step = convolution(s, node.inputs[0]);
    if (is(s, "Add")) step = addition(s);
    if (is(s, "Concat")) step = concatenation(s);
    if (is(s, "MaxPool") || is(s, "AveragePool") || is(s, "GlobalAveragePool")) step = pool(s);
    if (!step) step = move(s);
    return step ? std::move(*step) : general(s);
  }

  // A map made flat for the one product behind it: nothing has to be moved.
  std::optional<SparseStep> flattened_product(size_t s) const {
    const ValueId input = first_node(s).inputs[0], flat = stages_[s].output;
    const auto reader = only_reader(flat);
    if (!fits(input) || !fits(flat) || !rules_.same_format(input, flat) || !reader) return std::nullopt;
    const Node& product = first_node(*reader);
    if (!is_weighted_sum(network_, product) || product.inputs[0] != flat ||
        network_.value(flat).shape->size() != 2)
      return std::nullopt;
    auto step = convolution(*reader, input);
    if (step) step->stages.insert(step->stages.begin(), s);
    return step;
  }

  // The stage's values up to its pooling share a format, so that a ReLU or a maximum changes no code.
  bool one_format(size_t s, bool without_last) const {
    const Stage& stage = stages_[s];
    const ValueId first = first_node(s).outputs[0];
    for (size_t i = 1; i + (without_last ? 1 : 0) < stage.nodes.size(); ++i) {
      if (!rules_.same_format(first, network_.nodes()[stage.nodes[i]].outputs[0])) return false;
    }
    return true;
  }

  std::optional<SparseStep> convolution(size_t s, ValueId input) const {
    const Stage& stage = stages_[s];
    const auto size = fits(input) ? map_size(network_, input) : std::nullopt;
    const ValueId sums = first_node(s).outputs[0];
    if (!size || !fits(sums) || !fits(stage.output) || !stage.workload) return std::nullopt;
    ConvolutionShape shape = stage.workload->workload.shape;
    if (stage.workload->workload.kind != WorkloadKind::convolution) {
      if (shape.in_rows != 1 || shape.batch != 1 || shape.in_channels != size->size()) return std::nullopt;
      shape.in_channels = size->channels;
      shape.in_rows = shape.kernel_rows = size->rows;
      shape.in_columns = shape.kernel_columns = size->columns;
    }
    const MapSize seen{shape.in_rows, shape.in_columns, shape.in_channels};
    if (shape.batch != 1 || seen != *size) return std::nullopt;
    const bool averages = stage.workload->pooling && stage.workload->pooling->kind == Pooling::Kind::average;
    if (!one_format(s, averages) || !rules_.fits_kernel(s, shape)) return std::nullopt;
    SparseStep step;
    step.kind = SparseStep::Kind::convolution;
    step.stages = {s};
    step.inputs = {input};
    step.output = step.target = stage.output;
    step.relu = stage.workload->relu;
    step.pooling = stage.workload->pooling;
    step.shape = shape;
    step.sums = sums;
    step.nonnegative_input = nonnegative_[static_cast<size_t>(input)];
    return step;
  }

  std::optional<SparseStep> addition(size_t s) const {
    const Node& node = first_node(s);
    if (node.inputs.size() != 2 || stages_[s].nodes.size() != 1) return std::nullopt;
    const ValueId output = node.outputs[0];
    for (const ValueId id : {node.inputs[0], node.inputs[1], output}) {
      if (!fits(id) || map_size(network_, id) != map_size(network_, output)) return std::nullopt;
    }
    if (!rules_.fits_addition(node.inputs[0], node.inputs[1])) return std::nullopt;
    SparseStep step;
    step.kind = SparseStep::Kind::add;
    step.stages = {s};
    step.inputs = {node.inputs[0], node.inputs[1]};
    step.output = output;
    const auto reader = only_reader(output);
    if (reader && is(*reader, "Relu") && fits(stages_[*reader].output) &&
        rules_.same_format(output, stages_[*reader].output)) {
      step.stages.push_back(*reader);
      step.output = stages_[*reader].output;
      step.relu = true;
    }
    return step;
  }

  std::optional<SparseStep> concatenation(size_t s) const {
    const Node& node = first_node(s);
    const ValueId output = node.outputs[0];
    const bool of_channels = network_.value(output).shape && network_.value(output).shape->size() == 4 &&
                             node.layer->attributes().integer("axis", 1) == 1;
    if (!of_channels || !fits(output)) return std::nullopt;
    for (const ValueId id : node.inputs) {
      if (!fits(id) || !rules_.same_format(id, output)) return std::nullopt;
    }
    SparseStep step;
    step.kind = SparseStep::Kind::concat;
    step.stages = {s};
    step.inputs = node.inputs;
    step.output = output;
    return step;
  }

  std::optional<SparseStep> pool(size_t s) const {
    const Node& node = first_node(s);
    if (!fits(node.inputs[0]) || !fits(node.outputs[0])) return std::nullopt;
    const MapSize size = *map_size(network_, node.inputs[0]);
    SparseStep step;
    step.kind = is(s, "MaxPool") ? SparseStep::Kind::max_pool : SparseStep::Kind::average_pool;
    step.pooling = is(s, "GlobalAveragePool")
                       ? Pooling{Pooling::Kind::average, size.rows, size.columns, 1, 1, 0, 0, 0, 0}
                       : pooling_of(network_, node);
    if (!step.pooling || network_.value(node.inputs[0]).shape->size() != 4) return std::nullopt;
    if (is(s, "MaxPool") && !rules_.same_format(node.inputs[0], node.outputs[0])) return std::nullopt;
    step.stages = {s};
    step.inputs = {node.inputs[0]};
    step.output = node.outputs[0];
    return step;
  }

  std::optional<SparseStep> move(size_t s) const {
    const Node& node = first_node(s);
    if (stages_[s].nodes.size() != 1 || node.inputs.empty() || !fits(node.inputs[0]) ||
        !fits(node.outputs[0]) || !rules_.same_format(node.inputs[0], node.outputs[0]))
      return std::nullopt;
    auto moves = moves_of(network_, node);
    if (!moves) return std::nullopt;
    SparseStep step;
    step.kind = SparseStep::Kind::move;
    step.stages = {s};
    step.inputs = {node.inputs[0]};
    step.output = node.outputs[0];
    step.moves = std::move(*moves);
    return step;
  }

  void mark_nonnegative(const SparseStep& step) {
    bool nonnegative = step.relu;
    const bool passes = step.kind == SparseStep::Kind::concat || step.kind == SparseStep::Kind::max_pool ||
                        step.kind == SparseStep::Kind::average_pool || step.kind == SparseStep::Kind::move;
    if (passes) {
      nonnegative = std::all_of(step.inputs.begin(), step.inputs.end(),
                                [&](ValueId id) { return nonnegative_[static_cast<size_t>(id)]; });
    }
    const bool averages = step.pooling && step.pooling->kind == Pooling::Kind::average;
    nonnegative = nonnegative && (!averages || rules_.means_keep_sign);
    if (step.kind == SparseStep::Kind::general) {
      const size_t last = stages_[step.stages.back()].nodes.back();
      const std::string_view name = network_.nodes()[last].layer->operator_name();
      nonnegative = name == "Relu" || name == "Sigmoid" || name == "Softmax";
    }
    if (step.output != kNoValue) nonnegative_[static_cast<size_t>(step.output)] = nonnegative;
  }

  // Makes the convolutions in front of a concatenation write their channels where they belong.
  void write_in_place(size_t at) {
    if (steps_[at].kind != SparseStep::Kind::concat) return;
    std::vector<std::pair<SparseStep*, int64_t>> makers;
    int64_t channel = 0;
    for (const ValueId id : steps_[at].inputs) {
      const auto maker = std::find_if(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(at),
                                      [&](const SparseStep& step) { return step.output == id; });
      const bool averages = maker != steps_.begin() + static_cast<std::ptrdiff_t>(at) && maker->pooling &&
                            maker->pooling->kind == Pooling::Kind::average;
      if (maker == steps_.begin() + static_cast<std::ptrdiff_t>(at) ||
          maker->kind != SparseStep::Kind::convolution || !maker->relu || averages || !only_reader(id))
        return;
      makers.emplace_back(&*maker, channel);
      channel += map_size(network_, id)->channels;
    }
    for (const auto& [maker, first] : makers) {
      maker->target = steps_[at].output;
      maker->first_channel = first;
    }
    steps_[at].done_by_inputs = true;
  }

  const Network& network_;
  const std::vector<Stage>& stages_;
  const PlanRules& rules_;
  std::vector<int> readers_;
  std::vector<bool> nonnegative_;
  std::vector<int64_t> reader_;  // the last stage that reads a value
  std::vector<SparseStep> steps_;
};

}  // namespace

std::vector<SparseStep> sparse_plan(const Network& network, const std::vector<Stage>& stages,
                                    const PlanRules& rules) {
  return Planner(network, stages, rules).plan();
}

}  // namespace deltahop
