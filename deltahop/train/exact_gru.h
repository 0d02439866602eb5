// SPDX-License-Identifier: Apache-2.0
// The trainer's own integer delta GRU, as EdgeDRNN computes it [Gao2020], written in LibTorch's doubles for a
// batch of sequences: what an exported model is evaluated by. Tests hold it equal to
// network/integer_delta_gru.h, which `run` and the chips use; no code is shared but the formats.
#pragma once

#include "deltahop/network/integer_delta_gru.h"
#include "deltahop/train/delta_gru.h"

namespace deltahop {

struct ExactGruRun {
  torch::Tensor outputs;  // Y [T, B, H], double: codes times their step
  int64_t sent_x = 0, sent_h = 0,
          steps = 0;  // columns sent in the frames inside the lengths, and those frames
};

// x [T, B, I] and the weights in double, as ONNX stacks them; theta in the units of the values.
ExactGruRun exact_gru(const torch::Tensor& x, const GruWeights& weights, const DeltaGruFormats& formats,
                      double theta_x, double theta_h, const torch::Tensor& lengths = {});

}  // namespace deltahop
