// SPDX-License-Identifier: Apache-2.0
// What activations cost: terms for the loss that make zeros.
#pragma once

#include <vector>

#include "deltahop/network/workload.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// The mean magnitude: L1, independent of the size of batch and layer.
torch::Tensor activation_cost(const torch::Tensor& values);

// How many MACs of these layers multiply each value of one example: [1, C, H, W] (or [1, C] for a matrix).
// Positions in the padding do not count.
torch::Tensor macs_of_values(const ConvolutionShape& shape, torch::Dtype type);

// The MACs that a chip which skips zeros executes, of one example: the sum of `macs` over all values that are
// not zero, per example. The forward value is the exact count; it has no slope, so the gradient is that of
// min(|x| / width, 1).
torch::Tensor executed_macs(const torch::Tensor& values, const torch::Tensor& macs, double width);

}  // namespace deltahop
