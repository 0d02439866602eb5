// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/prepared_conv2d.h"

#include <unordered_map>

#include "deltahop/kernels/dnnl_fence.h"

namespace deltahop {

struct PreparedConvolution::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::convolution_forward::primitive_desc description;
  dnnl::convolution_forward primitive;
  dnnl::memory weights;
  size_t input_size = 0, output_size = 0;
  int64_t macs = 0;
};

namespace {

using Memory = dnnl::memory;

dnnl::convolution_forward::primitive_desc describe(const ConvolutionShape& shape, const Memory::dims& weights,
                                                   const dnnl::engine& engine) {
  const auto described = [](const Memory::dims& dims, Memory::format_tag tag) {
    return Memory::desc(dims, Memory::data_type::f32, tag);
  };
  const Memory::dims end = {pad_end(shape.in_rows, shape.out_rows, shape.kernel_rows, shape.stride_rows,
                                    shape.dilation_rows, shape.pad_top),
                            pad_end(shape.in_columns, shape.out_columns, shape.kernel_columns,
                                    shape.stride_columns, shape.dilation_columns, shape.pad_left)};
  const dnnl::convolution_forward::desc convolution(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      described({shape.batch, shape.in_channels, shape.in_rows, shape.in_columns}, Memory::format_tag::nhwc),
      described(weights, Memory::format_tag::any), Memory::desc(),
      described({shape.batch, shape.out_channels, shape.out_rows, shape.out_columns},
                Memory::format_tag::nhwc),
      {shape.stride_rows, shape.stride_columns}, {shape.dilation_rows - 1, shape.dilation_columns - 1},
      {shape.pad_top, shape.pad_left}, end);
  return {convolution, engine};
}

}  // namespace

PreparedConvolution::PreparedConvolution(const ConvolutionShape& shape, std::span<const float> weights)
    : state_(std::make_unique<State>()) {
  DELTAHOP_CHECK(static_cast<int64_t>(weights.size()) == shape.out_channels * shape.kernel_size());
  Memory::dims dims = {shape.out_channels, shape.in_channels_per_group(), shape.kernel_rows,
                       shape.kernel_columns};
  if (shape.groups > 1) {
    dims[0] = shape.out_channels_per_group();
    dims.insert(dims.begin(), shape.groups);
  }
  State& state = *state_;
  state.input_size = static_cast<size_t>(shape.batch * shape.in_rows * shape.in_columns * shape.in_channels);
  state.output_size =
      static_cast<size_t>(shape.batch * shape.out_rows * shape.out_columns * shape.out_channels);
  state.macs = static_cast<int64_t>(state.output_size) * shape.kernel_size();
  const ThreadLimit limit(1, 0);  // the weights' reorder is not worth a second thread
  at_fence([&] {
    state.description = describe(shape, dims, state.engine);
    state.primitive = dnnl::convolution_forward(state.description);
    state.weights = Memory(state.description.weights_desc(), state.engine);
    const Memory::desc plain(dims, Memory::data_type::f32,
                             dims.size() == 5 ? Memory::format_tag::goihw : Memory::format_tag::oihw);
    Memory source(plain, state.engine, const_cast<float*>(weights.data()));
    dnnl::reorder(source, state.weights).execute(state.stream, source, state.weights);
    state.stream.wait();
  });
}

PreparedConvolution::PreparedConvolution(PreparedConvolution&&) noexcept = default;
PreparedConvolution& PreparedConvolution::operator=(PreparedConvolution&&) noexcept = default;
PreparedConvolution::~PreparedConvolution() = default;

void PreparedConvolution::run(std::span<const float> input, std::span<float> output, int threads) {
  State& state = *state_;
  DELTAHOP_CHECK(input.size() == state.input_size && output.size() == state.output_size);
  const ThreadLimit limit(threads, state.macs);
  at_fence([&] {
    const std::unordered_map<int, Memory> arguments = {
        {DNNL_ARG_SRC, Memory(state.description.src_desc(), state.engine, const_cast<float*>(input.data()))},
        {DNNL_ARG_WEIGHTS, state.weights},
        {DNNL_ARG_DST, Memory(state.description.dst_desc(), state.engine, output.data())}};
    state.primitive.execute(state.stream, arguments);
    state.stream.wait();
  });
}

}  // namespace deltahop
