// SPDX-License-Identifier: Apache-2.0
// Exact counts of multiply-accumulates that do something: positions in the padding, zero inputs and zero
// weights are told apart one by one, not estimated from densities.
//   MacCounter counter(workload.shape, &weights);
//   counter.count(input).nonzero;
#pragma once

#include <vector>

#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct MacCounts {
  int64_t dense = 0;   // every position, padding included: the convention of published tables
  int64_t inside = 0;  // without positions in the padding
  int64_t nonzero_input =
      0;                // inside, and the input is not zero: what a chip that skips zero activations executes
  int64_t nonzero = 0;  // inside, and neither input nor weight is zero
};

class MacCounter {
 public:
  // weights: [K, C/groups, R, S] (or a matrix [K, C] for a fully connected layer), float32 or int16; null:
  // none is zero.
  MacCounter(const ConvolutionShape& shape, const Tensor* weights);
  // input: batch * C * H * W elements, channel-major, float32 or int16.
  MacCounts count(const Tensor& input) const;

 private:
  ConvolutionShape shape_;
  std::vector<int64_t>
      nonzero_weights_;  // [C, R, S]: weights that are not zero, over the output channels of the group
};

}  // namespace deltahop
