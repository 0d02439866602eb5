// SPDX-License-Identifier: Apache-2.0
// Which pixels of a map changed, which outputs of a convolution they reach, and the convolution of those
// outputs alone. Maps are [C, H, W].
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

// One byte a pixel: 1 where any channel differs by more than `limit`.
std::vector<uint8_t> changed_pixels(std::span<const int16_t> now, std::span<const int16_t> before,
                                    int64_t channels, int64_t limit);

// The output pixels whose window holds a changed one, in ascending order.
std::vector<int64_t> affected_outputs(const ConvolutionShape& shape, std::span<const uint8_t> changed);

// How many outputs (of one out channel) read each input pixel, padding aside.
std::vector<int64_t> reader_counts(const ConvolutionShape& shape);

// The sums [K, outputs.size()] of these output pixels. shape.batch must be 1; bias as in conv2d.h. `nonzero`,
// where given, is increased by the multiply-accumulates whose input is not zero.
Tensor convolve_outputs(const ConvolutionShape& shape, std::span<const int16_t> input, const Tensor& weights,
                        std::span<const int64_t> bias, std::span<const int64_t> outputs, int threads,
                        int64_t* nonzero = nullptr);

}  // namespace deltahop
