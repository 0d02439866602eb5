// SPDX-License-Identifier: Apache-2.0
// Exact convolution of 16-bit codes: chooses among dot products (one output position), the depthwise loop and
// blocks of out channels over an image with its channels last, and splits the work over threads.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/base/parallel.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/kernels/integer_blocks.h"

namespace deltahop {
namespace {

using integer_blocks::ChannelLastImage;
using integer_blocks::InputRange;
using integer_blocks::Job;
using integer_blocks::PackedBlock;

// With up to this many rows of input, weights are read in place: packing would cost more than it saves.
constexpr int64_t kMostDotRows = 8;
constexpr int16_t kLowest = std::numeric_limits<int16_t>::min();

InputRange range_of(std::span<const int16_t> input) {
  int16_t low = 0, high = 0;
  for (const int16_t value : input) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return {-int64_t{low}, high};
}

// One image row with the channels last; columns outside the image stay zero. In blocks, because one channel's
// row is far from the next one's and one pixel's channels fill whole cache lines.
void fill_row(const ConvolutionShape& shape, const int16_t* channel_rows, int64_t columns, int16_t* to) {
  constexpr int64_t kBlock = 32;
  const int64_t plane = shape.in_rows * shape.in_columns, channels = shape.in_channels;
  const int64_t last = std::min(shape.in_columns, columns - shape.pad_left);
  to += shape.pad_left * channels;
  for (int64_t x0 = 0; x0 < last; x0 += kBlock) {
    const int64_t x1 = std::min(x0 + kBlock, last);
    for (int64_t c0 = 0; c0 < channels; c0 += kBlock) {
      for (int64_t c = c0; c < std::min(c0 + kBlock, channels); ++c) {
        const int16_t* const from = channel_rows + c * plane;
        for (int64_t x = x0; x < x1; ++x) to[x * channels + c] = from[x];
      }
    }
  }
}

ChannelLastImage with_channels_last(const ConvolutionShape& shape, std::span<const int16_t> input,
                                    int threads) {
  ChannelLastImage image;
  image.channels = shape.in_channels;
  image.rows = (shape.out_rows - 1) * shape.stride_rows + (shape.kernel_rows - 1) * shape.dilation_rows + 1;
  image.columns = (shape.out_columns - 1) * shape.stride_columns +
                  (shape.kernel_columns - 1) * shape.dilation_columns + 1;
  const int64_t row_size = image.columns * image.channels;
  image.values.assign(static_cast<size_t>(shape.batch * image.rows * row_size + integer_blocks::kSlack), 0);
  parallel_for(threads, shape.batch * image.rows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / image.rows, y = row % image.rows - shape.pad_top;
      if (y < 0 || y >= shape.in_rows) continue;
      const int16_t* const from =
          input.data() + (n * shape.in_channels * shape.in_rows + y) * shape.in_columns;
      fill_row(shape, from, image.columns, image.values.data() + row * row_size);
    }
  });
  return image;
}

// The outputs of every image and channel are the dot product of a row of weights with the whole image.
bool is_matrix_product(const ConvolutionShape& shape) {
  return shape.groups == 1 && shape.out_rows == 1 && shape.out_columns == 1 && shape.pad_top == 0 &&
         shape.pad_left == 0 && shape.kernel_rows == shape.in_rows &&
         shape.kernel_columns == shape.in_columns && (shape.dilation_rows == 1 || shape.kernel_rows == 1) &&
         (shape.dilation_columns == 1 || shape.kernel_columns == 1);
}

void multiply_rows(const ConvolutionShape& shape, std::span<const int16_t> input,
                   std::span<const int16_t> weights, std::span<const int64_t> bias, std::span<int64_t> output,
                   int threads) {
  const int64_t length = shape.kernel_size();
  parallel_for(threads, shape.out_channels, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      for (int64_t n = 0; n < shape.batch; ++n) {
        const int64_t sum =
            integer_blocks::dot(weights.data() + k * length, input.data() + n * length, length);
        output[static_cast<size_t>(n * shape.out_channels + k)] =
            sum + (bias.empty() ? 0 : bias[static_cast<size_t>(k)]);
      }
    }
  });
}

bool is_depthwise(const ConvolutionShape& shape) {
  return shape.groups > 1 && shape.groups == shape.in_channels && shape.groups == shape.out_channels;
}

// Blocks of out channels; with fewer blocks than threads need, the outputs are split as well.
void convolve_blocks(const ConvolutionShape& shape, const Job& whole, int threads) {
  const int64_t outputs = whole.end;
  const int64_t width = integer_blocks::channels_per_block(), per_group = shape.out_channels_per_group();
  const int64_t blocks_per_group = (per_group + width - 1) / width;
  const int64_t blocks = shape.groups * blocks_per_group;
  const int64_t parts = blocks % std::max(threads, 1) == 0 ? 1 : std::min<int64_t>(threads, outputs);
  parallel_for(threads, blocks * parts, [&](int64_t begin, int64_t end) {
    PackedBlock packed;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t block = item / parts, part = item % parts;
      Job job = whole;
      job.first_channel = block / blocks_per_group * per_group + block % blocks_per_group * width;
      job.channels = std::min(width, per_group - block % blocks_per_group * width);
      job.begin = outputs * part / parts;
      job.end = outputs * (part + 1) / parts;
      if (packed.first_channel != job.first_channel) integer_blocks::pack(job, packed);
      integer_blocks::convolve_block(job, packed);
    }
  });
}

void convolve_in_range(const ConvolutionShape& shape, std::span<const int16_t> input,
                       std::span<const int16_t> weights, std::span<const int64_t> bias,
                       std::span<int64_t> output, int threads, const InputRange& range) {
  if (is_matrix_product(shape) && shape.batch <= kMostDotRows) {
    return multiply_rows(shape, input, weights, bias, output, threads);
  }
  const ChannelLastImage image = with_channels_last(shape, input, threads);
  Job job;
  job.shape = &shape;
  job.image = &image;
  job.weights = weights.data();
  job.bias = bias.empty() ? nullptr : bias.data();
  job.output = output.data();
  job.range = range;
  job.channels = shape.out_channels;
  job.end = shape.batch * shape.out_rows * shape.out_columns;
  if (!is_depthwise(shape)) return convolve_blocks(shape, job, threads);
  parallel_for(threads, job.end, [&](int64_t begin, int64_t end) {
    Job part = job;
    part.begin = begin;
    part.end = end;
    integer_blocks::convolve_depthwise(part);
  });
}

}  // namespace

void convolve(const ConvolutionShape& shape, std::span<const int16_t> input, std::span<const int16_t> weights,
              std::span<const int64_t> bias, std::span<int64_t> output, int threads) {
  const int64_t outputs = shape.batch * shape.out_channels * shape.out_rows * shape.out_columns;
  DELTAHOP_CHECK(static_cast<int64_t>(input.size()) ==
                 shape.batch * shape.in_channels * shape.in_rows * shape.in_columns);
  DELTAHOP_CHECK(static_cast<int64_t>(weights.size()) == shape.out_channels * shape.kernel_size());
  DELTAHOP_CHECK(bias.empty() || static_cast<int64_t>(bias.size()) == shape.out_channels);
  DELTAHOP_CHECK(static_cast<int64_t>(output.size()) == outputs);
  if (outputs == 0) return;
  const InputRange range = range_of(input);
  const bool both_lowest = range.lowest > std::numeric_limits<int16_t>::max() &&
                           std::find(weights.begin(), weights.end(), kLowest) != weights.end();
  if (!both_lowest) return convolve_in_range(shape, input, weights, bias, output, threads, range);
  // (-2^15)^2 + (-2^15)^2 is the one pair of products that leaves 32 bits: halve such inputs and add the
  // halves again.
  std::vector<int16_t> halved(input.begin(), input.end()), halves(input.size(), 0);
  for (size_t i = 0; i < halved.size(); ++i) {
    if (halved[i] == kLowest) halved[i] = halves[i] = kLowest / 2;
  }
  std::vector<int64_t> rest(output.size());
  convolve_in_range(shape, halved, weights, bias, output, threads, range_of(halved));
  convolve_in_range(shape, halves, weights, {}, rest, threads, range_of(halves));
  for (size_t i = 0; i < rest.size(); ++i) output[i] += rest[i];
}

}  // namespace deltahop
