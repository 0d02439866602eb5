// SPDX-License-Identifier: Apache-2.0
// `deltahop run --integers`: a labelled set through the integers that the network's metadata describe: the
// integer executor where it carries number formats, integer delta GRUs where it has GRUs.
#pragma once

#include "deltahop/cli/command.h"
#include "deltahop/cli/stream_input.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/report/findings.h"

namespace deltahop {

struct IntegerRunJob {
  Network network;    // as loaded
  std::string place;  // the file
  StreamInputOptions input;
  ThresholdTable thresholds;  // of GRUs
  int threads = 1;
};

// Accuracy, zeros of every stage or sent columns of every GRU. Throws Error.
Findings run_in_integers(const IntegerRunJob& job, Surroundings& surroundings);

}  // namespace deltahop
