// SPDX-License-Identifier: Apache-2.0
// A delta GRU for training: one product for the inputs of the whole sequence, then the recurrent part step by
// step, with a backward pass written out. With thresholds 0 it is torch::nn::GRU; network/delta_cell.h holds
// its outputs and counts.
//   const DeltaGruRun run = delta_gru(x, weights, {.theta_x = 0.1, .theta_h = 0.1}, lengths);
#pragma once

#include "deltahop/train/delta_hold.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// ONNX's GRU with linear_before_reset: gates stacked update z, reset r, candidate h.
struct GruWeights {
  torch::Tensor input;           // W  [3H, I]
  torch::Tensor recurrent;       // R  [3H, H]
  torch::Tensor input_bias;      // Wb [3H]
  torch::Tensor recurrent_bias;  // Rb [3H]
};

struct DeltaGruRule {
  double theta_x = 0.0, theta_h = 0.0;
  int hidden_fraction_bits =
      -1;              // the state is rounded to as many bits after every step (straight through); -1: not
  double noise = 0.0;  // standard deviation of Gaussian noise added to the state after every step
};

struct DeltaGruRun {
  torch::Tensor outputs;         // Y [T, B, H]
  torch::Tensor l1_x, l1_h;      // scalars: magnitudes of what was sent, over the frames inside the lengths
  torch::Tensor sent_x, sent_h;  // int64 scalars: columns sent in those frames
};

// x: [T, B, I], starting from a state of 0. lengths: int64 [B] or undefined; frames beyond them are computed
// but not counted.
DeltaGruRun delta_gru(const torch::Tensor& x, const GruWeights& weights, const DeltaGruRule& rule,
                      const torch::Tensor& lengths = {});

// Y of each sequence's last frame: [B, H].
torch::Tensor last_outputs(const torch::Tensor& outputs, const torch::Tensor& lengths);

}  // namespace deltahop
