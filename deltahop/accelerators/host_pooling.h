// SPDX-License-Identifier: Apache-2.0
// Pooling that a chip leaves to its host, on the integer codes that it stored.
#pragma once

#include "deltahop/network/workload.h"
#include "deltahop/tensor/fixed_point.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

// stored: int16 [N, K, P, Q]. Positions outside count neither for the maximum nor for the mean.
Tensor host_pooled(const Tensor& stored, const Pooling& pooling, Rounding rounding);

}  // namespace deltahop
