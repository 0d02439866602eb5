// SPDX-License-Identifier: Apache-2.0
// The map that leaves the chip: computed fast in the chip's own dataflow (stripes, passes, only non-zero
// pixels, sums that stay in their MACs), and counted for the encoder where it is known.
#pragma once

#include "deltahop/accelerators/nullhop/account.h"
#include "deltahop/accelerators/nullhop/finish.h"

namespace deltahop::nullhop {

// int16 [1, K, P', Q'], before any pooling on the host. The trace must have weights.
Tensor compute_stored(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace);

// The stage's output: the stored map after the pooling that the plan leaves to the host, if any.
Tensor host_pooled(const LayerPlan& plan, Tensor stored, const NullhopConfig& chip);

// What the encoder sends for one group: from the trace's output; where the host pools it afterwards, from the
// map computed here (which needs weights); else an estimate by the configured density.
OutputCounts known_output(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace,
                          int64_t group);

}  // namespace deltahop::nullhop
