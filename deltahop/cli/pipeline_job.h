// SPDX-License-Identifier: Apache-2.0
// `deltahop run` on a sound pipeline: recordings through it with one choice of thresholds or a row of them,
// what comes out, what was skipped and how long a hop took.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/options.h"
#include "deltahop/cli/pipeline_recordings.h"
#include "deltahop/report/findings.h"
#include "deltahop/run/session.h"

namespace deltahop {

struct PipelineJob {
  std::string pipeline;  // a YAML path or the name of one that ships
  std::string networks;  // the folder of its networks
  RecordingOptions recordings;
  SessionOptions options;      // thresholds included
  std::vector<double> sweep;   // thresholds for inputs and hidden states alike, each run apart
  bool compare_dense = false;  // a sweep always does
  std::string output;          // WAV, or a folder where there are several recordings
};

// Runs it and writes the sounds; the caller adds the provenance's command line.
Findings run_pipeline(const PipelineJob& job, const Console& console, const Progress& progress);

}  // namespace deltahop
