// SPDX-License-Identifier: Apache-2.0
// What every source of simulate fills in alike: the plan of a stage before it runs, its record afterwards,
// and the records of one input.
#pragma once

#include <optional>
#include <vector>

#include "deltahop/cli/simulation.h"

namespace deltahop {

constexpr size_t kTopClasses = 5;

struct InputRecord {
  std::vector<StageRecord> stages;
  std::vector<int64_t> float_ranking, integer_ranking;  // the classes with the highest scores, best first
  std::optional<int64_t> label;
  int64_t saturated = 0;
};

void add_record(SimulationResult& result, const InputRecord& record);

// `chip` may be null: then nothing is placed.
std::vector<StagePlan> plans_of(const Network& network, const std::vector<Stage>& stages,
                                const Accelerator* chip);
Support support_of(const Accelerator& chip, const std::optional<FusedWorkload>& workload);
void describe_weights(StagePlan& plan, const Tensor& codes);

void measure_input(StageRecord& record, const Tensor& codes, const MacCounter* counter, bool with_sizes);
// Everything that one stage's trace tells: counts, sizes, errors, the chip's counts and its own output.
StageRecord record_of(const LayerTrace& trace, const StagePlan& plan, const MacCounter* counter,
                      const Accelerator* chip, const SimulationOptions& options);

}  // namespace deltahop
