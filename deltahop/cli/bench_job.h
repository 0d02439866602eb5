// SPDX-License-Identifier: Apache-2.0
// One network on real inputs by every way of computing it, in turn: times, answers, zeros and bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/break_even_report.h"
#include "deltahop/cli/sparse_run.h"
#include "deltahop/run/change_based.h"

namespace deltahop {

struct BenchSettings {
  int threads = 1;
  int64_t rounds = 21;  // each times every way on every timed input
  int64_t timed = 16;   // inputs, evenly spaced over all
};

struct BenchWay {
  std::string key, name;
  bool is_dense = false;
  bool is_float = false;
  std::vector<double> latency_s;  // of every timed run
  std::vector<double> rounds_s;   // of all timed inputs, one a round
  int64_t right = 0, agreeing = 0;
  std::vector<LayerSum> layers;  // of engines that have them
  double other_s = 0;            // sum of what is not in layers, timed runs
  std::vector<std::string> general_nodes;

  double median_s() const;
  double p99_s() const;
  int64_t executed_macs() const;  // of all inputs
  int64_t weight_bytes() const;   // of one input
  int64_t map_bytes() const;      // of all inputs
};

struct BenchResult {
  std::vector<BenchWay> ways;
  int64_t inputs = 0, labelled = 0;
  int64_t dense_macs = 0;                                // of one input, all layers that multiply
  int64_t compared = 0, different = 0;                   // codes against the integer executor's
  double peak_ops_per_second = 0, bytes_per_second = 0;  // the machine's, measured

  const BenchWay& way(const std::string& key) const;
  // The fastest of the dense ways.
  const BenchWay& best_dense() const;
};

// The ways: "float_layers", "float_dense", "float_zeros", "int8_dense", "int8_sparse", "int8_zeros".
BenchResult run_bench(const IntegerModel& model, const Network& network, const Inputs& inputs,
                      SparseNetwork& integers, SparseNetwork& floats, const BenchSettings& settings,
                      const Progress& progress);

// The inputs as consecutive frames through change-based inference.
struct VideoRun {
  ChangeOptions options;
  std::vector<ChangeLedger> layers;
  ChangeLedger total;
  int64_t frames = 0, agreeing = 0;        // agreeing: the same class as in full
  double median_s = 0, full_median_s = 0;  // a frame by changes, and by the integer executor in full
};
VideoRun run_video(const IntegerModel& model, const Inputs& inputs, const ChangeOptions& options, int threads,
                   const Progress& progress);

// seconds: at least one.
double median_of(std::vector<double> seconds);

}  // namespace deltahop
