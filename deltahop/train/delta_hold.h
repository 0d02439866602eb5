// SPDX-License-Identifier: Apache-2.0
// Sample and hold: what the receiver of a delta stream knows of a signal [Neil2017]. A delta network with
// threshold theta is the dense network on held signals, so training needs no accumulators of products.
//   const HeldSequence held = hold_sequence(x, 0.1, lengths);   // x [T, B, N]
#pragma once

#include "deltahop/train/torch.h"

namespace deltahop {

struct HeldSequence {
  torch::Tensor values;  // [T, B, N]: in every step the value that was last sent, 0 before the first
  torch::Tensor l1;    // scalar: the sum of what was sent, as magnitudes, over the frames inside the lengths
  torch::Tensor sent;  // int64 scalar: how many values were sent in those frames
};

// The rule of network/delta_thresholds.h: d = s - held is sent if d != 0 and |d| >= theta. Gradients are
// those of autograd through where(): that of a held value goes to the sample that was sent last, a sample
// that was not sent gets none; that of l1 goes with the sign of the change to the sample and against it to
// the one sent before. lengths: int64 [B], frames of each sequence that count; undefined: all.
HeldSequence hold_sequence(const torch::Tensor& values, double theta, const torch::Tensor& lengths = {});

// 1 for the frames inside the lengths: float [T, B], of the type of `like`. Ones where lengths is undefined.
torch::Tensor frame_mask(int64_t steps, int64_t batch, const torch::Tensor& lengths,
                         const torch::Tensor& like);

}  // namespace deltahop
