// SPDX-License-Identifier: Apache-2.0
// The sources of simulate that need no inputs: random zeros in the shapes of a network, and saved traces.
#include <fmt/format.h>

#include "deltahop/base/random.h"
#include "deltahop/cli/simulation_records.h"
#include "deltahop/io/npz.h"
#include "deltahop/run/saved_trace.h"

namespace deltahop {
namespace {

Tensor random_zeros(Random& random, Shape shape, double density) {
  Tensor codes(DataType::int16, std::move(shape));
  for (int16_t& code : codes.values<int16_t>()) code = random.chance(density) ? int16_t{1} : int16_t{0};
  return codes;
}

Shape pooled_shape(const FusedWorkload& fused) {
  const ConvolutionShape& shape = fused.workload.shape;
  int64_t rows = shape.out_rows, columns = shape.out_columns;
  if (fused.pooling) {
    const Pooling& pool = *fused.pooling;
    rows = (rows + pool.pad_top + pool.pad_bottom - pool.rows) / pool.stride_rows + 1;
    columns = (columns + pool.pad_left + pool.pad_right - pool.columns) / pool.stride_columns + 1;
  }
  return {1, shape.out_channels, rows, columns};
}

}  // namespace

SimulationResult simulate_synthetic(const Network& network, double density, uint64_t seed,
                                    const Accelerator& chip, const SimulationOptions& options,
                                    const Progress& progress) {
  const std::vector<Stage> stages = find_stages(network);
  SimulationResult result;
  result.plans = plans_of(network, stages, &chip);
  Random random(seed);
  InputRecord record;
  for (size_t i = 0; i < stages.size(); ++i) {
    record.stages.emplace_back();
    // A recurrent layer's zeros are changes over time: no map of zeros stands for them.
    if (!stages[i].workload || stages[i].workload->workload.kind == WorkloadKind::recurrent) continue;
    const ConvolutionShape& shape = stages[i].workload->workload.shape;
    const Tensor input =
        random_zeros(random, {shape.batch, shape.in_channels, shape.in_rows, shape.in_columns}, density);
    const Tensor output = random_zeros(random, pooled_shape(*stages[i].workload), density);
    LayerTrace trace;
    trace.name = result.plans[i].name;
    trace.operator_name = result.plans[i].operator_name;
    trace.workload = stages[i].workload;
    trace.input = &input;
    trace.output = &output;
    const MacCounter counter(shape, nullptr);
    record.stages.back() = record_of(trace, result.plans[i], &counter, &chip, options);
    report_progress(progress, "simulating", static_cast<int64_t>(i) + 1, static_cast<int64_t>(stages.size()));
  }
  add_record(result, record);
  return result;
}

SimulationResult simulate_traces(const std::vector<std::string>& files, const Accelerator& chip,
                                 const SimulationOptions& options, const Progress& progress) {
  SimulationResult result;
  for (size_t f = 0; f < files.size(); ++f) {
    InputRecord record;
    replay(read_npz(files[f]), files[f], [&](const LayerTrace& trace) {
      const size_t at = record.stages.size();
      if (f == 0) {
        StagePlan plan;
        plan.name = trace.name;
        plan.operator_name = trace.operator_name;
        plan.workload = trace.workload;
        plan.support = support_of(chip, trace.workload);
        if (trace.input != nullptr) plan.input_shape = to_text(trace.input->shape());
        if (trace.output != nullptr) plan.output_shape = to_text(trace.output->shape());
        plan.input_format = to_text(trace.input_format);
        plan.output_format = to_text(trace.output_format);
        if (trace.weights != nullptr) {
          plan.weight_format = to_text(trace.weight_format);
          describe_weights(plan, *trace.weights);
        }
        result.plans.push_back(std::move(plan));
      }
      if (at >= result.plans.size() || result.plans[at].name != trace.name) {
        throw Error(files[f], fmt::format("its stage '{}' is not that of {}", trace.name, files[0]),
                    "replay traces of one network at a time");
      }
      std::optional<MacCounter> counter;
      if (trace.workload) counter.emplace(trace.workload->workload.shape, trace.weights);
      record.stages.push_back(
          record_of(trace, result.plans[at], counter ? &*counter : nullptr, &chip, options));
    });
    add_record(result, record);
    report_progress(progress, "replaying", static_cast<int64_t>(f) + 1, static_cast<int64_t>(files.size()));
  }
  return result;
}

}  // namespace deltahop
