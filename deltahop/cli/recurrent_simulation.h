// SPDX-License-Identifier: Apache-2.0
// Networks of GRUs on a recurrent chip: sequences in, records a stage out. One input of the report is one
// time step.
#pragma once

#include <string>
#include <vector>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/run/integer_recurrent.h"

namespace deltahop {

// The sequences of an NPY or NPZ file, each [T, I]: one array [T, I], [T, 1, I] or [1, T, I], or [N, T, I]
// for N sequences of a network whose time does not come first. Throws Error.
std::vector<Tensor> read_sequences(const std::string& path, int64_t inputs);
// One of them in the form of the network's only data input, and the network bound to its length.
struct BoundSequence {
  Network network;
  std::vector<Tensor> inputs;
};
BoundSequence bound_to_sequence(const Network& network, const Tensor& sequence);

// Width of the network's data input; throws Error where it has none or more inputs than it and states.
int64_t input_width(const Network& network);

// Layers of these sizes without weights, one behind the other: counts only.
struct SyntheticStack {
  int64_t inputs = 0, units = 0, layers = 1, steps = 1000;
  double density = 1;
  uint64_t seed = 1;
};
// Throws Error where the chip is not for recurrent networks or cannot run these.
SimulationResult simulate_synthetic_stack(const SyntheticStack& stack, const Accelerator& chip);

struct SequenceOptions {
  bool verify = false;                           // the chip's own output against the integers'
  std::vector<Tensor> floats = {};               // the dense layers' outputs in float, [T, H] each, or none
  std::vector<DramRequest>* requests = nullptr;  // takes what the chip asks its DRAM for
};
// Adds one sequence's run to `result`, whose plans stand. Returns the chip's notes.
std::vector<std::string> add_sequence(SimulationResult& result, const std::vector<size_t>& stage_of_layer,
                                      const std::vector<RecurrentTrace>& traces, const Accelerator& chip,
                                      const SequenceOptions& options);

// The plan of a recurrent layer on the chip.
StagePlan plan_of_layer(const IntegerDeltaGruLayer& layer, const std::string& name, const Support& support);

}  // namespace deltahop
