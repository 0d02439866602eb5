// SPDX-License-Identifier: Apache-2.0
// `deltahop tune` on a sound pipeline: thresholds for the layers of its networks, most bytes saved for the
// SI-SDR that may be lost; checked on recordings that the search has not seen.
#pragma once

#include <string>

#include "deltahop/base/progress.h"
#include "deltahop/cli/pipeline_recordings.h"
#include "deltahop/report/findings.h"
#include "deltahop/run/session.h"

namespace deltahop {

struct PipelineTuneJob {
  std::string pipeline, networks;  // as in PipelineJob
  RecordingOptions recordings;
  SessionOptions options;
  double max_loss_dB = 0.1;
  double held_out = 0.25;  // the share of the inputs
  int64_t measurements = 200;
};

struct PipelineTuning {
  ThresholdTable chosen;
  Findings findings;
};

// Throws Error where recordings have no clean versions, or where no part can be held out.
PipelineTuning tune_pipeline(const PipelineTuneJob& job, const Progress& progress);

}  // namespace deltahop
