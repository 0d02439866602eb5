// SPDX-License-Identifier: Apache-2.0
// deltahop map --sweep: the best mappings at every combination of some sizes, and which designs no other
// beats.
#pragma once

#include "deltahop/cli/map_job.h"

namespace deltahop {

Findings run_map_sweep(const MapJob& job, const Surroundings& surroundings);

}  // namespace deltahop
