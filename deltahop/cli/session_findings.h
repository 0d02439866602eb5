// SPDX-License-Identifier: Apache-2.0
// What `run` reports of a session on a stream.
#pragma once

#include <optional>
#include <vector>

#include "deltahop/cli/stream_job.h"
#include "deltahop/report/findings.h"

namespace deltahop {

struct SessionRun {
  StreamRun run;
  std::optional<StreamRun> dense, exact;  // in full at the same precision; in float where that is another one
};

// Without title and provenance.
Findings session_findings(const Session& session, const SessionRun& result,
                          const std::vector<StreamSequence>& sequences);

}  // namespace deltahop
