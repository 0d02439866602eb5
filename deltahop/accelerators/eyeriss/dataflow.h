// SPDX-License-Identifier: Apache-2.0
// Eyeriss's own output: sums in the order of its passes, sets and elements.
#pragma once

#include <vector>

#include "deltahop/accelerators/eyeriss/plan.h"

namespace deltahop::eyeriss {

// The pictures of a trace with their padding, [N, groups * C, rows, columns] of what the windows reach.
struct PaddedPictures {
  PaddedPictures(const LayerPlan& plan, const Tensor& input);
  const int16_t* row(int64_t picture, int64_t channel, int64_t row) const {
    return codes.data() + ((picture * channels + channel) * rows + row) * columns;
  }
  int64_t pictures, channels, rows, columns;
  std::vector<int16_t> codes;
};

// [N, K, P, Q] before pooling, of the pictures that the trace has. Throws Error where it has no weights.
Tensor stored_map(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace);
// The same map by the plain kernel: what leaves the chip, when only its zeros matter.
Tensor quick_map(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace);

// What the chip does with a finished sum of filter k.
int16_t stored_word(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace, int64_t sum);

}  // namespace deltahop::eyeriss
