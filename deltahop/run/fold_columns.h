// SPDX-License-Identifier: Apache-2.0
// A convolution with few out channels as one with many: neighbouring output columns become channels beside
// each other, so that the kernels' blocks of 64 sums are full. The result [P, Q / F, F * K] lies in memory as
// [P, Q, K].
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop {

// How many columns to fold: 1 where it gains nothing.
inline int64_t fold_factor(const ConvolutionShape& shape) {
  constexpr int64_t kBlock = 64, kMost = 8;
  if (shape.groups != 1 || shape.kernel_columns == 1 || shape.dilation_columns != 1) return 1;
  int64_t factor = 1;
  while (factor < kMost && 2 * factor * shape.out_channels <= kBlock && shape.out_columns % (2 * factor) == 0)
    factor *= 2;
  return factor;
}

inline ConvolutionShape folded_shape(ConvolutionShape shape, int64_t factor) {
  shape.kernel_columns += (factor - 1) * shape.stride_columns;
  shape.stride_columns *= factor;
  shape.out_channels *= factor;
  shape.out_columns /= factor;
  return shape;
}

// weights: [K, C, R, S] to [F * K, C, R, S']: column f of the F sees the kernel f strides further right.
template <class T>
std::vector<T> folded_weights(const ConvolutionShape& shape, std::span<const T> weights, int64_t factor) {
  const ConvolutionShape wide = folded_shape(shape, factor);
  const int64_t rows = shape.out_channels * shape.in_channels_per_group() * shape.kernel_rows;  // of S each
  std::vector<T> folded(static_cast<size_t>(rows * factor * wide.kernel_columns), T{0});
  for (int64_t f = 0; f < factor; ++f) {
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(weights.begin() + row * shape.kernel_columns, shape.kernel_columns,
                  folded.begin() + (f * rows + row) * wide.kernel_columns + f * shape.stride_columns);
  }
  return folded;
}

}  // namespace deltahop
