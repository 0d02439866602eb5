// SPDX-License-Identifier: Apache-2.0
// What all convolution layers share: the geometry of a convolution over one to three spatial axes, checked,
// and the sums in the number types that the kernels do not have.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deltahop/base/parallel.h"
#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/network/layer.h"
#include "deltahop/network/sliding_window.h"

namespace deltahop {

struct ConvolutionGeometry {
  int64_t batch = 1, groups = 1, out_channels = 1, in_channels = 1;
  std::vector<WindowAxis> axes;

  // input: [N, C, ...], weights: [K, C/groups, ...]. Throws Error where they do not fit.
  static ConvolutionGeometry of(const SlidingWindow& window, int64_t groups, const Shape& input,
                                const Shape& weights);

  Shape output_shape() const;
  // As the kernels take it, a one-dimensional convolution as one row; absent for three spatial axes.
  std::optional<ConvolutionShape> planar() const;
};

// The attributes of Conv, ConvInteger and QLinearConv.
struct ConvolutionAttributes {
  SlidingWindow window;
  int64_t groups = 1;

  static ConvolutionAttributes read(const Attributes& attributes);  // asks finish()
  Attributes write() const;

  // The output's shape where both shapes are known.
  std::optional<Shape> infer(const ValueInfo& input, const ValueInfo& weights) const;
  // Where the weights are constant and there are at most two spatial axes.
  std::optional<Workload> workload(const ValueInfo& input, const ValueInfo& weights, int operand_bits) const;
};

// The plain loop nest over any number of axes up to three. bias: [K] or empty.
template <class In, class Sum>
void convolve_any_rank(const ConvolutionGeometry& geometry, std::span<const In> input,
                       std::span<const In> weights, std::span<const Sum> bias, std::span<Sum> output,
                       int threads);

// Exact sums of 16-bit codes, [N, K, ...] as int64.
Tensor convolve_codes(const ConvolutionGeometry& geometry, const Tensor& input, const Tensor& weights,
                      std::span<const int64_t> bias, int threads);

extern template void convolve_any_rank<float, double>(const ConvolutionGeometry&, std::span<const float>,
                                                      std::span<const float>, std::span<const double>,
                                                      std::span<double>, int);
extern template void convolve_any_rank<double, double>(const ConvolutionGeometry&, std::span<const double>,
                                                       std::span<const double>, std::span<const double>,
                                                       std::span<double>, int);
extern template void convolve_any_rank<int16_t, int64_t>(const ConvolutionGeometry&, std::span<const int16_t>,
                                                         std::span<const int16_t>, std::span<const int64_t>,
                                                         std::span<int64_t>, int);

}  // namespace deltahop
