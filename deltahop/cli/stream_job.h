// SPDX-License-Identifier: Apache-2.0
// Sessions from the command line: options shared by `run` and `tune`, a run over all sequences, and what two
// runs differ by.
#pragma once

#include <string>
#include <vector>

#include "deltahop/base/progress.h"
#include "deltahop/cli/command.h"
#include "deltahop/cli/stream_input.h"
#include "deltahop/report/findings.h"
#include "deltahop/run/session.h"

namespace deltahop {

struct SessionChoices {
  std::string precision = "float32";
  std::string products = "recurrent";
  std::vector<std::string> loops;  // "input=output"
  bool no_loops = false;
  int threads = 1;

  void add_to(CLI::App& command);
  SessionOptions options() const;
};

// What came out of all sequences, one after the other.
struct StreamRun {
  std::vector<std::vector<float>> outputs;  // one an output of the network, [steps of all sequences, size]
  std::vector<int64_t> predictions;  // the largest value of the first output's last step, one a sequence
  SessionStatistics statistics;
  LatencySummary latency;
};
// From reset() on for each sequence; counts and times of the session start anew.
StreamRun run_sequences(Session& session, const std::vector<StreamSequence>& sequences, std::string_view task,
                        const Progress& progress);

// For integers: the ranges that a float session meets on these sequences.
std::map<std::string, double> measured_ranges(const Network& network, SessionOptions options,
                                              const std::vector<StreamSequence>& sequences,
                                              const Progress& progress);

// Of values against what they should be.
struct Difference {
  double largest = 0, root_mean_square = 0;
  double relative = 0;  // root of the squared error over the squared signal
};
Difference difference(const std::vector<float>& ours, const std::vector<float>& wanted);
// Over all outputs that are no states.
double relative_difference(const Session& session, const StreamRun& ours, const StreamRun& wanted);

// Share of the sequences with a label whose prediction it is; absent without labels.
std::optional<double> accuracy(const StreamRun& run, const std::vector<StreamSequence>& sequences);

FindingsTable streams_table(const SessionStatistics& statistics);
// Why it is, or is not, faster: sentences for a reader who asks.
std::vector<std::string> explanations(const SessionStatistics& statistics);

}  // namespace deltahop
