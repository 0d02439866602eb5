// SPDX-License-Identifier: Apache-2.0
// One stage as NullHop runs it: whether it can, how its channels are mapped, how the image is swept, what the
// chip does after the sums and what is left to the host.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/nullhop/mapping.h"
#include "deltahop/accelerators/nullhop/sweep.h"

namespace deltahop::nullhop {

struct LayerPlan {
  ChannelMapping mapping;  // of one group
  Sweep sweep;             // of one group
  int64_t groups = 1;
  bool relu = false;
  std::optional<Pooling> chip_pooling;  // 2x2/2 on the fly
  std::optional<Pooling> host_pooling;

  // The map that leaves the chip.
  int64_t stored_rows() const { return chip_pooling ? sweep.out_rows / 2 : sweep.out_rows; }
  int64_t stored_columns() const { return chip_pooling ? sweep.out_columns / 2 : sweep.out_columns; }
};

struct Planned {
  Support support;
  std::optional<LayerPlan> plan;  // absent on the host
};

Planned plan_layer(const NullhopConfig& chip, const FusedWorkload& workload);
// The same for a trace. Throws Error naming the layer where the chip cannot run it or the tensors do not fit
// the workload.
LayerPlan plan_of(const NullhopConfig& chip, const LayerTrace& trace);

// One group's part of a trace.
struct GroupView {
  std::span<const int16_t> input;    // [C, H, W]
  std::span<const int16_t> weights;  // [K, C, R, S], or empty
  std::span<const int64_t> bias;     // [K], or empty
};
GroupView group_view(const LayerPlan& plan, const LayerTrace& trace, int64_t group);

}  // namespace deltahop::nullhop
