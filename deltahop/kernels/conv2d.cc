// SPDX-License-Identifier: Apache-2.0
// Dense float convolution and matrix products by oneDNN. It picks the memory layout that its kernels like
// best; the reorders into and out of it cost a few per cent of a large layer. Weights that are used once (a
// kernel that covers its whole input) are not reordered at all: reading them is the whole work.
#include "deltahop/kernels/conv2d.h"

#include <algorithm>
#include <unordered_map>

#include <dnnl.hpp>

#include "deltahop/base/error.h"
#include "deltahop/kernels/dnnl_fence.h"

namespace deltahop {
namespace {

// A view of memory of ours; oneDNN only reads what it gets as source.
dnnl::memory wrap(const dnnl::memory::desc& description, const dnnl::engine& engine,
                  std::span<const float> values) {
  DELTAHOP_CHECK(description.get_size() == values.size_bytes());
  return {description, engine, const_cast<float*>(values.data())};
}

dnnl::memory reordered(dnnl::memory source, const dnnl::memory::desc& wanted, const dnnl::engine& engine,
                       dnnl::stream& stream) {
  if (source.get_desc() == wanted) return source;
  dnnl::memory target(wanted, engine);
  dnnl::reorder(source, target).execute(stream, source, target);
  return target;
}

bool covers_whole_input(const ConvolutionShape& shape) {
  return shape.groups == 1 && shape.out_rows == 1 && shape.out_columns == 1 &&
         shape.kernel_rows == shape.in_rows && shape.kernel_columns == shape.in_columns &&
         shape.pad_top == 0 && shape.pad_left == 0 && (shape.dilation_rows == 1 || shape.kernel_rows == 1) &&
         (shape.dilation_columns == 1 || shape.kernel_columns == 1);
}

void convolve_as_product(const ConvolutionShape& shape, std::span<const float> input,
                         std::span<const float> weights, std::span<const float> bias, std::span<float> output,
                         int threads) {
  multiply(
      {.rows = shape.batch, .inner = shape.kernel_size(), .columns = shape.out_channels, .transpose_b = true},
      input, weights, output, threads);
  if (bias.empty()) return;
  for (size_t i = 0; i < output.size(); ++i) output[i] += bias[i % bias.size()];
}

dnnl::convolution_forward::primitive_desc describe(const ConvolutionShape& shape, bool has_bias,
                                                   const dnnl::engine& engine) {
  using Memory = dnnl::memory;
  const auto any = [](const Memory::dims& dims) {
    return Memory::desc(dims, Memory::data_type::f32, Memory::format_tag::any);
  };
  const Memory::dims kernel = {shape.kernel_rows, shape.kernel_columns};
  Memory::dims weights = {shape.out_channels, shape.in_channels, kernel[0], kernel[1]};
  if (shape.groups > 1) {
    weights = {shape.groups, shape.out_channels_per_group(), shape.in_channels_per_group(), kernel[0],
               kernel[1]};
  }
  const Memory::desc bias =
      has_bias ? Memory::desc({shape.out_channels}, Memory::data_type::f32, Memory::format_tag::x)
               : Memory::desc();
  const Memory::dims end = {pad_end(shape.in_rows, shape.out_rows, shape.kernel_rows, shape.stride_rows,
                                    shape.dilation_rows, shape.pad_top),
                            pad_end(shape.in_columns, shape.out_columns, shape.kernel_columns,
                                    shape.stride_columns, shape.dilation_columns, shape.pad_left)};
  const dnnl::convolution_forward::desc convolution(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      any({shape.batch, shape.in_channels, shape.in_rows, shape.in_columns}), any(weights), bias,
      any({shape.batch, shape.out_channels, shape.out_rows, shape.out_columns}),
      {shape.stride_rows, shape.stride_columns}, {shape.dilation_rows - 1, shape.dilation_columns - 1},
      {shape.pad_top, shape.pad_left}, end);
  return {convolution, engine};
}

void convolve_by_primitive(const ConvolutionShape& shape, std::span<const float> input,
                           std::span<const float> weights, std::span<const float> bias,
                           std::span<float> output) {
  using Memory = dnnl::memory;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto primitive = describe(shape, !bias.empty(), engine);
  const auto plain = [&](const Memory::desc& chosen) {
    const Memory::format_tag tag =
        chosen.dims().size() == 5 ? Memory::format_tag::goihw : Memory::format_tag::nchw;
    return Memory::desc(chosen.dims(), Memory::data_type::f32, tag);
  };
  const Memory source =
      reordered(wrap(plain(primitive.src_desc()), engine, input), primitive.src_desc(), engine, stream);
  const Memory kernels = reordered(wrap(plain(primitive.weights_desc()), engine, weights),
                                   primitive.weights_desc(), engine, stream);
  Memory result = wrap(plain(primitive.dst_desc()), engine, output);
  const bool direct = result.get_desc() == primitive.dst_desc();
  Memory target = direct ? result : Memory(primitive.dst_desc(), engine);
  std::unordered_map<int, Memory> arguments = {
      {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, kernels}, {DNNL_ARG_DST, target}};
  if (!bias.empty()) arguments.emplace(DNNL_ARG_BIAS, wrap(primitive.bias_desc(), engine, bias));
  dnnl::convolution_forward(primitive).execute(stream, arguments);
  if (!direct) dnnl::reorder(target, result).execute(stream, target, result);
  stream.wait();
}

void check_sizes(const ConvolutionShape& shape, size_t input, size_t weights, size_t bias, size_t output) {
  DELTAHOP_CHECK(shape.groups > 0 && shape.in_channels % shape.groups == 0 &&
                 shape.out_channels % shape.groups == 0);
  const auto is = [](size_t size, int64_t wanted) { return static_cast<int64_t>(size) == wanted; };
  DELTAHOP_CHECK(is(input, shape.batch * shape.in_channels * shape.in_rows * shape.in_columns));
  DELTAHOP_CHECK(is(weights, shape.out_channels * shape.kernel_size()));
  DELTAHOP_CHECK(bias == 0 || is(bias, shape.out_channels));
  DELTAHOP_CHECK(is(output, shape.batch * shape.out_channels * shape.out_rows * shape.out_columns));
}

// The sum of one output position: (n, k) say which picture and output channel.
template <class In, class Sum>
Sum window_sum(const ConvolutionShape& shape, std::span<const In> input, std::span<const In> weights,
               int64_t n, int64_t k, int64_t p, int64_t q) {
  const int64_t channels = shape.in_channels_per_group();
  const int64_t first_channel = k / shape.out_channels_per_group() * channels;
  Sum sum{};
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t plane = (n * shape.in_channels + first_channel + c) * shape.in_rows;
    for (int64_t r = 0; r < shape.kernel_rows; ++r) {
      const int64_t row = p * shape.stride_rows + r * shape.dilation_rows - shape.pad_top;
      if (row < 0 || row >= shape.in_rows) continue;
      const int64_t kernel_row = ((k * channels + c) * shape.kernel_rows + r) * shape.kernel_columns;
      for (int64_t s = 0; s < shape.kernel_columns; ++s) {
        const int64_t column = q * shape.stride_columns + s * shape.dilation_columns - shape.pad_left;
        if (column < 0 || column >= shape.in_columns) continue;
        sum += static_cast<Sum>(input[static_cast<size_t>((plane + row) * shape.in_columns + column)]) *
               static_cast<Sum>(weights[static_cast<size_t>(kernel_row + s)]);
      }
    }
  }
  return sum;
}

}  // namespace

void convolve(const ConvolutionShape& shape, std::span<const float> input, std::span<const float> weights,
              std::span<const float> bias, std::span<float> output, int threads) {
  check_sizes(shape, input.size(), weights.size(), bias.size(), output.size());
  if (output.empty()) return;
  if (input.empty() || weights.empty()) {
    const size_t plane = static_cast<size_t>(shape.out_rows * shape.out_columns);
    for (size_t i = 0; i < output.size(); ++i)
      output[i] = bias.empty() ? 0.0f : bias[i / plane % bias.size()];
    return;
  }
  if (covers_whole_input(shape)) return convolve_as_product(shape, input, weights, bias, output, threads);
  const ThreadLimit limit(threads, static_cast<int64_t>(output.size()) * shape.kernel_size());
  at_fence([&] { convolve_by_primitive(shape, input, weights, bias, output); });
}

template <class In, class Sum>
void convolve_reference(const ConvolutionShape& shape, std::span<const In> input, std::span<const In> weights,
                        std::span<const Sum> bias, std::span<Sum> output) {
  check_sizes(shape, input.size(), weights.size(), bias.size(), output.size());
  size_t index = 0;
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t k = 0; k < shape.out_channels; ++k) {
      const Sum start = bias.empty() ? Sum{} : bias[static_cast<size_t>(k)];
      for (int64_t p = 0; p < shape.out_rows; ++p) {
        for (int64_t q = 0; q < shape.out_columns; ++q) {
          output[index++] = start + window_sum<In, Sum>(shape, input, weights, n, k, p, q);
        }
      }
    }
  }
}

template void convolve_reference<float, double>(const ConvolutionShape&, std::span<const float>,
                                                std::span<const float>, std::span<const double>,
                                                std::span<double>);
template void convolve_reference<int16_t, int64_t>(const ConvolutionShape&, std::span<const int16_t>,
                                                   std::span<const int16_t>, std::span<const int64_t>,
                                                   std::span<int64_t>);

void multiply(int64_t rows, int64_t inner, int64_t columns, std::span<const float> a,
              std::span<const float> b, std::span<float> c, int threads) {
  multiply({.rows = rows, .inner = inner, .columns = columns}, a, b, c, threads);
}

void multiply(const MatrixProduct& product, std::span<const float> a, std::span<const float> b,
              std::span<float> c, int threads) {
  DELTAHOP_CHECK(static_cast<int64_t>(a.size()) == product.rows * product.inner);
  DELTAHOP_CHECK(static_cast<int64_t>(b.size()) == product.inner * product.columns);
  DELTAHOP_CHECK(static_cast<int64_t>(c.size()) == product.rows * product.columns);
  if (c.empty()) return;
  if (product.inner == 0) return std::fill(c.begin(), c.end(), 0.0f);
  const ThreadLimit limit(threads, product.rows * product.inner * product.columns);
  at_fence([&] {
    const auto status = dnnl_sgemm(
        product.transpose_a ? 'T' : 'N', product.transpose_b ? 'T' : 'N', product.rows, product.columns,
        product.inner, 1.0f, a.data(), product.transpose_a ? product.rows : product.inner, b.data(),
        product.transpose_b ? product.inner : product.columns, 0.0f, c.data(), product.columns);
    if (status != dnnl_success) throw dnnl::error(status, "matrix product");
  });
}

}  // namespace deltahop
