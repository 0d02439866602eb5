// SPDX-License-Identifier: Apache-2.0
// The slow twin: every element of the array with its scratchpads, every word on the network offered to all
// elements and taken by those whose tags match, every cycle of the buses counted one by one. For small layers
// and tests.
#pragma once

#include "deltahop/accelerators/eyeriss/dataflow.h"

namespace deltahop::eyeriss {

struct Walked {
  ArrayCounts counts;  // of the whole batch
  Tensor map;          // [N, K, P, Q] of the trace's pictures; empty where the trace has no weights
};
Walked walk(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace);

}  // namespace deltahop::eyeriss
