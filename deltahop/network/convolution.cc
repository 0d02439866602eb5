// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/convolution.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

constexpr size_t kMostAxes = 3;
constexpr int64_t kSmallestWork = 1 << 15;  // products worth a thread of their own

// Three axes always: missing ones are in front, with one position and one tap.
std::array<WindowAxis, kMostAxes> as_three(const std::vector<WindowAxis>& axes) {
  std::array<WindowAxis, kMostAxes> three;
  std::copy(axes.begin(), axes.end(), three.end() - static_cast<std::ptrdiff_t>(axes.size()));
  return three;
}

// The sum of one window in one channel; `at` is the window's place along each axis.
template <class In, class Sum>
Sum channel_sum(const std::array<WindowAxis, kMostAxes>& axes, const std::array<int64_t, kMostAxes>& at,
                const In* plane, const In* kernel) {
  const auto& [depth, rows, columns] = axes;
  const auto d_taps = depth.taps(at[0]), r_taps = rows.taps(at[1]), s_taps = columns.taps(at[2]);
  Sum sum{};
  for (int64_t d = d_taps.begin; d < d_taps.end; ++d) {
    const int64_t in_depth = depth.start(at[0]) + d * depth.dilation;
    for (int64_t r = r_taps.begin; r < r_taps.end; ++r) {
      const int64_t in_row = rows.start(at[1]) + r * rows.dilation;
      const In* line = plane + (in_depth * rows.in + in_row) * columns.in;
      const In* weights = kernel + (d * rows.kernel + r) * columns.kernel;
      int64_t column = columns.start(at[2]) + s_taps.begin * columns.dilation;
      for (int64_t s = s_taps.begin; s < s_taps.end; ++s, column += columns.dilation) {
        sum += static_cast<Sum>(line[column]) * static_cast<Sum>(weights[s]);
      }
    }
  }
  return sum;
}

}  // namespace

ConvolutionGeometry ConvolutionGeometry::of(const SlidingWindow& window, int64_t groups, const Shape& input,
                                            const Shape& weights) {
  if (input.size() < 3 || input.size() > 2 + kMostAxes) {
    throw Error("", fmt::format("the input has the shape {}", to_text(input)),
                "wanted batch, channels and one to three spatial dimensions");
  }
  if (weights.size() != input.size()) {
    throw Error("",
                fmt::format("the weights have {} dimensions, the input {}", weights.size(), input.size()));
  }
  if (groups < 1 || input[1] % groups != 0 || weights[0] % groups != 0) {
    throw Error("", fmt::format("{} groups do not divide {} input and {} output channels", groups, input[1],
                                weights[0]));
  }
  if (weights[1] != input[1] / groups) {
    throw Error("",
                fmt::format("the weights {} are for {} input channels, the input has {}", to_text(weights),
                            weights[1] * groups, input[1]),
                groups > 1 ? fmt::format("in {} groups", groups) : "");
  }
  const auto kernel = spatial(weights);
  if (!window.kernel_shape.empty() &&
      !std::equal(kernel.begin(), kernel.end(), window.kernel_shape.begin(), window.kernel_shape.end())) {
    throw Error("", fmt::format("kernel_shape is {}, the weights are {}", to_text(window.kernel_shape),
                                to_text(weights)));
  }
  const ConvolutionGeometry geometry{input[0], groups, weights[0], input[1],
                                     window.axes(spatial(input), kernel)};
  require_countable_work(element_count(geometry.output_shape()), element_count(weights));
  return geometry;
}

Shape ConvolutionGeometry::output_shape() const {
  Shape shape = {batch, out_channels};
  for (const WindowAxis& axis : axes) shape.push_back(axis.out);
  return shape;
}

std::optional<ConvolutionShape> ConvolutionGeometry::planar() const {
  if (axes.size() > 2) return std::nullopt;
  const auto [depth, rows, columns] = as_three(axes);
  ConvolutionShape shape;
  shape.batch = batch;
  shape.groups = groups;
  shape.out_channels = out_channels;
  shape.in_channels = in_channels;
  shape.in_rows = rows.in;
  shape.in_columns = columns.in;
  shape.out_rows = rows.out;
  shape.out_columns = columns.out;
  shape.kernel_rows = rows.kernel;
  shape.kernel_columns = columns.kernel;
  shape.stride_rows = rows.stride;
  shape.stride_columns = columns.stride;
  shape.dilation_rows = rows.dilation;
  shape.dilation_columns = columns.dilation;
  shape.pad_top = rows.pad_begin;
  shape.pad_left = columns.pad_begin;
  return shape;
}

ConvolutionAttributes ConvolutionAttributes::read(const Attributes& attributes) {
  ConvolutionAttributes result;
  result.window = SlidingWindow::read(attributes);
  result.groups = attributes.integer("group", 1);
  attributes.finish();
  return result;
}

Attributes ConvolutionAttributes::write() const {
  Attributes attributes;
  window.write(attributes);
  if (groups != 1) attributes.set("group", groups);
  return attributes;
}

std::optional<Shape> ConvolutionAttributes::infer(const ValueInfo& input, const ValueInfo& weights) const {
  if (!input.shape || !weights.shape) return std::nullopt;
  return ConvolutionGeometry::of(window, groups, *input.shape, *weights.shape).output_shape();
}

std::optional<Workload> ConvolutionAttributes::workload(const ValueInfo& input, const ValueInfo& weights,
                                                        int operand_bits) const {
  if (weights.constant == nullptr || !input.shape || !weights.shape) return std::nullopt;
  const auto shape = ConvolutionGeometry::of(window, groups, *input.shape, *weights.shape).planar();
  if (!shape) return std::nullopt;
  return Workload{.kind = WorkloadKind::convolution, .shape = *shape, .operand_bits = operand_bits};
}

template <class In, class Sum>
void convolve_any_rank(const ConvolutionGeometry& geometry, std::span<const In> input,
                       std::span<const In> weights, std::span<const Sum> bias, std::span<Sum> output,
                       int threads) {
  const auto axes = as_three(geometry.axes);
  const int64_t plane = axes[0].in * axes[1].in * axes[2].in;
  const int64_t taps = axes[0].kernel * axes[1].kernel * axes[2].kernel;
  const int64_t positions = axes[0].out * axes[1].out * axes[2].out;
  const int64_t channels = geometry.in_channels / geometry.groups;
  DELTAHOP_CHECK(static_cast<int64_t>(input.size()) == geometry.batch * geometry.in_channels * plane);
  DELTAHOP_CHECK(static_cast<int64_t>(weights.size()) == geometry.out_channels * channels * taps);
  DELTAHOP_CHECK(static_cast<int64_t>(output.size()) == geometry.batch * geometry.out_channels * positions);
  DELTAHOP_CHECK(bias.empty() || static_cast<int64_t>(bias.size()) == geometry.out_channels);
  const auto fill_map = [&](int64_t map) {
    const int64_t n = map / geometry.out_channels, k = map % geometry.out_channels;
    const int64_t group = k / (geometry.out_channels / geometry.groups);
    const In* maps = input.data() + (n * geometry.in_channels + group * channels) * plane;
    const In* kernels = weights.data() + k * channels * taps;
    Sum* out = output.data() + map * positions;
    for (int64_t i = 0; i < positions; ++i) {
      const std::array<int64_t, kMostAxes> at = {i / (axes[1].out * axes[2].out),
                                                 i / axes[2].out % axes[1].out, i % axes[2].out};
      Sum sum = bias.empty() ? Sum{} : bias[static_cast<size_t>(k)];
      for (int64_t c = 0; c < channels; ++c) {
        sum += channel_sum<In, Sum>(axes, at, maps + c * plane, kernels + c * taps);
      }
      out[i] = sum;
    }
  };
  const auto fill_maps = [&](int64_t begin, int64_t end) {
    for (int64_t map = begin; map < end; ++map) fill_map(map);
  };
  const int64_t work = std::max<int64_t>(1, positions * channels * taps);
  parallel_for(threads, geometry.batch * geometry.out_channels, fill_maps,
               std::max<int64_t>(1, kSmallestWork / work));
}

template void convolve_any_rank<float, double>(const ConvolutionGeometry&, std::span<const float>,
                                               std::span<const float>, std::span<const double>,
                                               std::span<double>, int);
template void convolve_any_rank<double, double>(const ConvolutionGeometry&, std::span<const double>,
                                                std::span<const double>, std::span<const double>,
                                                std::span<double>, int);
template void convolve_any_rank<int16_t, int64_t>(const ConvolutionGeometry&, std::span<const int16_t>,
                                                  std::span<const int16_t>, std::span<const int64_t>,
                                                  std::span<int64_t>, int);

Tensor convolve_codes(const ConvolutionGeometry& geometry, const Tensor& input, const Tensor& weights,
                      std::span<const int64_t> bias, int threads) {
  Tensor sums(DataType::int64, geometry.output_shape());
  const auto shape = geometry.planar();
  if (shape) {
    convolve(*shape, input.values<int16_t>(), weights.values<int16_t>(), bias, sums.values<int64_t>(),
             threads);
  } else {
    convolve_any_rank<int16_t, int64_t>(geometry, input.values<int16_t>(), weights.values<int16_t>(), bias,
                                        sums.values<int64_t>(), threads);
  }
  return sums;
}

}  // namespace deltahop
