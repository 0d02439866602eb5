// SPDX-License-Identifier: Apache-2.0
// Dense two-dimensional convolution and matrix products. Float by oneDNN; integers exactly.
// oneDNN's threads are OpenMP's and wait by spinning: a program that shares its machine sets
// OMP_WAIT_POLICY=passive. Layouts, row-major: input [N, C, H, W], weights [K, C/groups, R, S], bias [K] or
// empty, output [N, K, P, Q].
#pragma once

#include <cstdint>
#include <span>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop {

void convolve(const ConvolutionShape& shape, std::span<const float> input, std::span<const float> weights,
              std::span<const float> bias, std::span<float> output, int threads);

// The plain loop nest: the truth for the paths above and below. Sum: double for float, int64_t for integers.
template <class In, class Sum>
void convolve_reference(const ConvolutionShape& shape, std::span<const In> input, std::span<const In> weights,
                        std::span<const Sum> bias, std::span<Sum> output);
extern template void convolve_reference<float, double>(const ConvolutionShape&, std::span<const float>,
                                                       std::span<const float>, std::span<const double>,
                                                       std::span<double>);
extern template void convolve_reference<int16_t, int64_t>(const ConvolutionShape&, std::span<const int16_t>,
                                                          std::span<const int16_t>, std::span<const int64_t>,
                                                          std::span<int64_t>);

// Exact sums of 16-bit products. Products are gathered in 32 bits only over pieces of the sum that provably
// cannot wrap (largest |input| times the L1 norm of the piece's weights below 2^31), and the pieces in 64
// bits. bias: [K] at the scale of the sums, or empty.
void convolve(const ConvolutionShape& shape, std::span<const int16_t> input, std::span<const int16_t> weights,
              std::span<const int64_t> bias, std::span<int64_t> output, int threads);

// C[rows, columns] = A[rows, inner] * B[inner, columns], all row-major.
void multiply(int64_t rows, int64_t inner, int64_t columns, std::span<const float> a,
              std::span<const float> b, std::span<float> c, int threads);

// The same for operands that lie transposed in memory: A as [inner, rows], B as [columns, inner]. Nothing is
// copied.
struct MatrixProduct {
  int64_t rows = 1, inner = 1, columns = 1;
  bool transpose_a = false, transpose_b = false;
};
void multiply(const MatrixProduct& product, std::span<const float> a, std::span<const float> b,
              std::span<float> c, int threads);

}  // namespace deltahop
