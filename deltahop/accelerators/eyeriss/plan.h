// SPDX-License-Identifier: Apache-2.0
// One stage as Eyeriss runs it: whether it can, with which mapping, and what is left to the host.
#pragma once

#include <optional>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/eyeriss/eyeriss_config.h"
#include "deltahop/accelerators/eyeriss/passes.h"

namespace deltahop::eyeriss {

struct LayerPlan {
  ConvolutionShape shape;  // of the trace
  LayerShape layer;        // of the batch
  Mapping mapping;
  std::string listed;  // the listed layer whose mapping it is; "" where it was chosen
  int64_t share = 1;   // a trace of one picture stands for this many of a batch, and counts as one of them
  bool relu = false;
  std::optional<Pooling> host_pooling;
};

struct Planned {
  Support support;
  std::optional<LayerPlan> plan;  // absent on the host
};

Rates rates_of(const EyerissConfig& chip);
Planned plan_layer(const EyerissConfig& chip, const FusedWorkload& workload);
// Of a trace, with the plan of its workload. Throws Error naming the layer where the chip cannot run it or
// the tensors do not fit the workload.
LayerPlan checked_plan(const Planned& planned, const LayerTrace& trace);

}  // namespace deltahop::eyeriss
