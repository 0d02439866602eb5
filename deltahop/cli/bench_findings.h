// SPDX-License-Identifier: Apache-2.0
// What `bench` reports: the ways side by side, the layers, the roofline, the break-even curves, and the
// ledger of change-based inference with its verdict.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/bench_job.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/report/findings.h"

namespace deltahop {

// Everything but title, provenance and notes of the caller.
Findings bench_findings(const BenchResult& result, const std::vector<MeasuredLayer>& measured);

// Adds the tables of these runs, the first of which is shown layer by layer, and says where keeping state
// pays.
void add_video(const std::vector<VideoRun>& runs, const Technology& technology, double engine_median_s,
               Findings& findings);

}  // namespace deltahop
