// SPDX-License-Identifier: Apache-2.0
// The dense float convolution of oneDNN with its weights laid out once, for layers that run again and again.
#pragma once

#include <memory>
#include <span>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop {

class PreparedConvolution {
 public:
  // weights: [K, C/groups, R, S]. No bias.
  PreparedConvolution(const ConvolutionShape& shape, std::span<const float> weights);
  PreparedConvolution(PreparedConvolution&&) noexcept;
  PreparedConvolution& operator=(PreparedConvolution&&) noexcept;
  ~PreparedConvolution();
  // Channels last: input [N, H, W, C], output [N, P, Q, K].
  void run(std::span<const float> input, std::span<float> output, int threads);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deltahop
