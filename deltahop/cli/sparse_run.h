// SPDX-License-Identifier: Apache-2.0
// What `bench` and `run` share about the engine that skips zeros: formats that fit its bytes, and what each
// layer did, summed over inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deltahop/cli/simulate_job.h"
#include "deltahop/run/sparse_network.h"

namespace deltahop {

// Sums over the inputs of one way, for a convolution.
struct LayerSum {
  SparseLayer layer;  // as it was last
  int64_t runs = 0, sparse_runs = 0;
  double zero_share = 0, left_out = 0, seconds = 0;  // sums; seconds over timed runs only
  int64_t timed_runs = 0;
  int64_t executed_macs = 0, input_bytes = 0, output_bytes = 0;

  double mean_seconds() const { return timed_runs == 0 ? 0 : seconds / static_cast<double>(timed_runs); }
  double mean_zero_share() const { return runs == 0 ? 0 : zero_share / static_cast<double>(runs); }
};

// Adds the engine's last run: its times, or, where it is not timed, all else.
void add_last_run(std::vector<LayerSum>& sums, const SparseNetwork& engine, bool timed);
// Of all inputs.
int64_t executed_macs(const std::vector<LayerSum>& sums);
// The share of zeros in what the layers read, each weighted by its values.
double mean_zeros(const std::vector<LayerSum>& sums);

// Products of one input in full, of all layers that multiply. Shapes must be bound.
int64_t dense_macs_of(const Network& network);
// Products done for one input on average: those of the layers, and all others in full.
double executed_macs_per_input(const std::vector<LayerSum>& sums, int64_t dense_macs, int64_t inputs);

// The integer model for byte kernels: formats of the options or of the network; without any word on them
// 8 bits, calibrated, and one format for what is concatenated. `network` must be folded and bound.
IntegerModel eight_bit_model(const FormatOptions& format, const InputOptions& input, const Network& network,
                             const Inputs& inputs, int threads, Console& console,
                             std::vector<std::string>& notes);
// Throws Error where the engine has nothing to skip; `command` names the help.
void require_engine_layers(const SparseNetwork& engine, const Network& network, const char* command);

// The index of the largest value.
int64_t best_class(const Tensor& scores);

}  // namespace deltahop
