// SPDX-License-Identifier: Apache-2.0
// NullHop cycle by cycle: the input port fills the input memory, managers decode one row each from its
// sparsity map, controllers pass one pixel at a time to their MACs, the pooling-ReLU-encoding unit takes
// finished columns [Aimar2019]. This is the truth for the fast path's counts and for the fast computation of
// the output.
#pragma once

#include "deltahop/accelerators/nullhop/account.h"
#include "deltahop/accelerators/nullhop/finish.h"

namespace deltahop::nullhop {

struct TickingPass {
  const NullhopConfig& chip;
  const LayerPlan& plan;
  int64_t pass = 0;
  const InputStream& stream;
  std::span<const uint16_t> input_memory;  // the image as a sparsity map
  std::span<const int64_t> row_starts;     // of its words
  std::span<const int16_t> kernels;        // pass_kernels(), or empty: then nothing is computed
  std::span<const int64_t> bias;           // of the group, or empty
  Finish finish;
  const OutputCounts* known_output = nullptr;  // what is encoded where nothing is computed
  std::span<int16_t> output;  // the group's stored map [K, P', Q'], written where kernels are given
};

PassEvents tick_pass(const TickingPass& pass);

// A whole stage by the ticking model; computes the stored map too where the trace has weights (nullptr: not
// wanted).
Stats simulate_ticking(const NullhopConfig& chip, const LayerTrace& trace, Tensor* output = nullptr);

}  // namespace deltahop::nullhop
