// SPDX-License-Identifier: Apache-2.0
// Blocks of numbers between our tensors and LibTorch's.
#pragma once

#include "deltahop/tensor/tensor.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// A copy of a floating tensor in this type.
torch::Tensor to_torch(const Tensor& tensor, torch::Dtype type);
// A copy in this floating type of ours.
Tensor from_torch(const torch::Tensor& tensor, DataType type);

}  // namespace deltahop
