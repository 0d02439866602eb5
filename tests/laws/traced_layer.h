// SPDX-License-Identifier: Apache-2.0
// For laws of chips: one layer with its operands in 16-bit codes, eight of their bits fraction.
#pragma once

#include "deltahop/network/trace.h"

namespace deltahop {

struct TracedLayer {
  FusedWorkload workload;
  Tensor input, weights, bias, output;

  // Points into this layer.
  LayerTrace trace() const {
    LayerTrace trace;
    trace.name = to_text(workload.workload);
    trace.workload = workload;
    trace.input = &input;
    trace.weights = &weights;
    trace.bias = &bias;
    trace.output = &output;
    trace.input_format = {16, 8, true};
    trace.weight_format = {16, 8, true};
    trace.output_format = {16, 8, true};
    return trace;
  }
};

}  // namespace deltahop
