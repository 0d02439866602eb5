// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/simulation_records.h"

#include <algorithm>

namespace deltahop {
namespace {

bool contains(const std::vector<int64_t>& classes, int64_t wanted, size_t among) {
  const auto end = classes.begin() + static_cast<std::ptrdiff_t>(std::min(among, classes.size()));
  return std::find(classes.begin(), end, wanted) != end;
}

std::string shape_text(const Network& network, ValueId id) {
  return id == kNoValue || !network.value(id).shape ? "" : to_text(*network.value(id).shape);
}

void check_mismatches(StageRecord& record, const Tensor& ours, const Tensor& truth) {
  DELTAHOP_CHECK(ours.size() == truth.size());
  record.compared = truth.size();
  const auto a = ours.values<int16_t>();
  const auto b = truth.values<int16_t>();
  for (size_t i = 0; i < a.size(); ++i) record.mismatches += a[i] != b[i] ? 1 : 0;
}

}  // namespace

void add_accuracy(AccuracyCounts& counts, const InputRecord& record) {
  ++counts.inputs;
  if (!record.float_ranking.empty() && !record.integer_ranking.empty()) {
    counts.agreeing += record.float_ranking.front() == record.integer_ranking.front() ? 1 : 0;
  }
  if (!record.label) return;
  ++counts.labelled;
  counts.float_top1 += contains(record.float_ranking, *record.label, 1) ? 1 : 0;
  counts.float_top5 += contains(record.float_ranking, *record.label, kTopClasses) ? 1 : 0;
  counts.integer_top1 += contains(record.integer_ranking, *record.label, 1) ? 1 : 0;
  counts.integer_top5 += contains(record.integer_ranking, *record.label, kTopClasses) ? 1 : 0;
}

void add_record(SimulationResult& result, const InputRecord& record) {
  if (result.stages.size() < record.stages.size()) result.stages.resize(record.stages.size());
  for (size_t i = 0; i < record.stages.size(); ++i) result.stages[i].add(record.stages[i]);
  add_accuracy(result.accuracy, record);
  ++result.inputs;
  if (result.saturated) *result.saturated += record.saturated;
}

Support support_of(const Accelerator& chip, const std::optional<FusedWorkload>& workload) {
  return workload ? chip.supports(*workload) : Support{Placement::host, "multiplies by no weights", ""};
}

std::vector<StagePlan> plans_of(const Network& network, const std::vector<Stage>& stages,
                                const Accelerator* chip) {
  std::vector<StagePlan> plans;
  for (const Stage& stage : stages) {
    const Node& node = network.nodes()[stage.nodes.front()];
    StagePlan plan;
    plan.name = node.name;
    plan.operator_name = std::string(node.layer->operator_name());
    plan.workload = stage.workload;
    plan.input_shape = shape_text(network, stage.input);
    plan.output_shape = shape_text(network, stage.output);
    if (chip != nullptr) plan.support = support_of(*chip, stage.workload);
    plans.push_back(std::move(plan));
  }
  return plans;
}

void describe_weights(StagePlan& plan, const Tensor& codes) {
  plan.nonzero_weights = count_nonzero(codes);
  plan.weight_sizes = weight_sizes(codes, plan.workload->workload.shape.out_channels);
}

void measure_input(StageRecord& record, const Tensor& codes, const MacCounter* counter, bool with_sizes) {
  record.input_values = codes.size();
  record.input_nonzero = count_nonzero(codes);
  if (counter != nullptr) record.macs = counter->count(codes);
  if (with_sizes) record.input_sizes = map_sizes(codes);
}

StageRecord record_of(const LayerTrace& trace, const StagePlan& plan, const MacCounter* counter,
                      const Accelerator* chip, const SimulationOptions& options) {
  StageRecord record;
  if (trace.input != nullptr) measure_input(record, *trace.input, counter, options.with_sizes);
  if (trace.output != nullptr) {
    record.output_values = trace.output->size();
    record.output_nonzero = count_nonzero(*trace.output);
    if (trace.float_output != nullptr)
      record.error.add(*trace.output, trace.output_format, *trace.float_output);
  }
  record.saturated = trace.saturated;
  if (chip == nullptr || plan.support.placement == Placement::host) return record;
  record.stats = chip->simulate(trace);
  if (options.verify && trace.output != nullptr)
    check_mismatches(record, chip->compute(trace), *trace.output);
  return record;
}

}  // namespace deltahop
