// SPDX-License-Identifier: Apache-2.0
// The main job: a network, real inputs and a chip become records per stage. Inputs run in parallel, their
// records are added in order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/progress.h"
#include "deltahop/cli/measurement.h"
#include "deltahop/cli/options.h"
#include "deltahop/compress/quantize.h"
#include "deltahop/run/executor.h"

namespace deltahop {

struct AccuracyCounts {
  int64_t inputs = 0, labelled = 0;
  int64_t float_top1 = 0, float_top5 = 0, integer_top1 = 0, integer_top5 = 0, agreeing = 0;
  bool has_float = false, has_integer = false;
};

// What is known of a stage before anything runs.
struct StagePlan {
  std::string name;
  std::string operator_name;
  std::optional<FusedWorkload> workload;
  Support support;  // placement host where there is no chip
  std::string input_shape, output_shape;
  std::string input_format, weight_format, output_format;
  std::optional<int64_t> nonzero_weights;
  SizeSums weight_sizes;
};

struct SimulationResult {
  std::vector<StagePlan> plans;
  std::vector<StageTotals> stages;
  AccuracyCounts accuracy;
  int64_t inputs = 0;
  std::optional<int64_t> saturated;
};

// What the float network made of one input: the output of every stage, and its best classes.
struct FloatRun {
  std::map<ValueId, Tensor> stage_outputs;
  std::vector<int64_t> ranking;
};

struct SimulationOptions {
  bool verify = false;     // the chip's own output against the integer executor's
  bool with_float = true;  // error against float, float accuracy
  bool with_sizes = true;  // encodings of every feature map
  int threads = 1;
  const FloatRun* float_run = nullptr;  // of the only input, where it is known already
  std::string trace_folder = {};        // where traces are saved, one NPZ an input; "" for nowhere
};

// Float only: counts, densities, sizes, accuracy. `inputs` may be null: then only shapes are known.
SimulationResult profile_network(const Network& network, const Inputs* inputs,
                                 const SimulationOptions& options, const Progress& progress);

// Formats from the float ranges of the first `count` inputs. `network` must be folded and bound. Where there
// is only one input, its float run is left in `only_run`, so that nobody has to repeat it.
IntegerModel calibrated(const Network& network, const Inputs& inputs, int64_t count,
                        const CalibrationOptions& options, const Progress& progress,
                        std::optional<FloatRun>* only_run = nullptr);

// The integer network on real inputs; `chip` may be null (accuracy and errors only).
SimulationResult simulate_network(const IntegerExecutor& executor, const Inputs& inputs,
                                  const Accelerator* chip, const SimulationOptions& options,
                                  const Progress& progress);

// Shapes of a network with independent random zeros: every value is non-zero with probability `density`,
// whatever the weights are. Counts only: there is no output to verify.
SimulationResult simulate_synthetic(const Network& network, double density, uint64_t seed,
                                    const Accelerator& chip, const SimulationOptions& options,
                                    const Progress& progress);

// Saved traces, one file an input.
SimulationResult simulate_traces(const std::vector<std::string>& files, const Accelerator& chip,
                                 const SimulationOptions& options, const Progress& progress);

}  // namespace deltahop
