// SPDX-License-Identifier: Apache-2.0
// What every source of simulate fills in alike: the plan of a stage before it runs, its record afterwards,
// and the records of one input.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
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

// The indices of the largest scores, ties to the lowest index.
template <class T>
std::vector<int64_t> ranking(std::span<const T> scores) {
  std::vector<int64_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  const size_t count = std::min(kTopClasses, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int64_t a, int64_t b) {
                      const T first = scores[static_cast<size_t>(a)];
                      const T second = scores[static_cast<size_t>(b)];
                      return first != second ? first > second : a < b;
                    });
  order.resize(count);
  return order;
}

void add_record(SimulationResult& result, const InputRecord& record);
void add_accuracy(AccuracyCounts& counts, const InputRecord& record);

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
