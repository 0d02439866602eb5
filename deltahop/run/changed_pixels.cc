// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/changed_pixels.h"

#include <algorithm>
#include <cstdlib>

#include "deltahop/kernels/conv2d.h"

namespace deltahop {
namespace {

// Output positions along one axis whose window holds input position `at`: [first, last].
struct Reach {
  int64_t kernel, stride, dilation, pad, out;
  template <class Visit>
  void for_each(int64_t at, const Visit& visit) const {
    for (int64_t tap = 0; tap < kernel; ++tap) {
      const int64_t start = at + pad - tap * dilation;
      if (start >= 0 && start % stride == 0 && start / stride < out) visit(start / stride);
    }
  }
};

Reach row_reach(const ConvolutionShape& s) {
  return {s.kernel_rows, s.stride_rows, s.dilation_rows, s.pad_top, s.out_rows};
}
Reach column_reach(const ConvolutionShape& s) {
  return {s.kernel_columns, s.stride_columns, s.dilation_columns, s.pad_left, s.out_columns};
}

}  // namespace

std::vector<uint8_t> changed_pixels(std::span<const int16_t> now, std::span<const int16_t> before,
                                    int64_t channels, int64_t limit) {
  DELTAHOP_CHECK(now.size() == before.size() && channels > 0);
  const size_t pixels = now.size() / static_cast<size_t>(channels);
  std::vector<uint8_t> changed(pixels, 0);
  const auto bound = static_cast<int32_t>(std::min<int64_t>(limit, 1 << 20));
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const int16_t* const a = now.data() + c * pixels;
    const int16_t* const b = before.data() + c * pixels;
    for (size_t i = 0; i < pixels; ++i) changed[i] |= static_cast<uint8_t>(std::abs(a[i] - b[i]) > bound);
  }
  return changed;
}

std::vector<int64_t> affected_outputs(const ConvolutionShape& shape, std::span<const uint8_t> changed) {
  const Reach rows = row_reach(shape), columns = column_reach(shape);
  std::vector<uint8_t> affected(static_cast<size_t>(shape.out_rows * shape.out_columns), 0);
  for (int64_t h = 0; h < shape.in_rows; ++h) {
    for (int64_t w = 0; w < shape.in_columns; ++w) {
      if (changed[static_cast<size_t>(h * shape.in_columns + w)] == 0) continue;
      rows.for_each(h, [&](int64_t p) {
        columns.for_each(w, [&](int64_t q) { affected[static_cast<size_t>(p * shape.out_columns + q)] = 1; });
      });
    }
  }
  std::vector<int64_t> outputs;
  for (size_t i = 0; i < affected.size(); ++i) {
    if (affected[i] != 0) outputs.push_back(static_cast<int64_t>(i));
  }
  return outputs;
}

std::vector<int64_t> reader_counts(const ConvolutionShape& shape) {
  std::vector<int64_t> rows(static_cast<size_t>(shape.in_rows)),
      columns(static_cast<size_t>(shape.in_columns));
  for (size_t h = 0; h < rows.size(); ++h)
    row_reach(shape).for_each(static_cast<int64_t>(h), [&](int64_t) { ++rows[h]; });
  for (size_t w = 0; w < columns.size(); ++w)
    column_reach(shape).for_each(static_cast<int64_t>(w), [&](int64_t) { ++columns[w]; });
  std::vector<int64_t> counts;
  for (const int64_t r : rows) {
    for (const int64_t c : columns) counts.push_back(r * c);
  }
  return counts;
}

Tensor convolve_outputs(const ConvolutionShape& shape, std::span<const int16_t> input, const Tensor& weights,
                        std::span<const int64_t> bias, std::span<const int64_t> outputs, int threads,
                        int64_t* nonzero) {
  DELTAHOP_CHECK(shape.batch == 1);
  const auto count = static_cast<int64_t>(outputs.size());
  const int64_t taps = shape.kernel_rows * shape.kernel_columns;
  // The windows side by side: a map of one row, with a channel for every tap of every channel.
  Tensor gathered(DataType::int16, {shape.in_channels * taps, count});
  int16_t* to = gathered.values<int16_t>().data();
  int64_t seen = 0;
  for (int64_t c = 0; c < shape.in_channels; ++c) {
    const int16_t* const plane = input.data() + c * shape.in_rows * shape.in_columns;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t down = tap / shape.kernel_columns * shape.dilation_rows - shape.pad_top;
      const int64_t right = tap % shape.kernel_columns * shape.dilation_columns - shape.pad_left;
      for (const int64_t output : outputs) {
        const int64_t h = output / shape.out_columns * shape.stride_rows + down;
        const int64_t w = output % shape.out_columns * shape.stride_columns + right;
        const bool inside = h >= 0 && h < shape.in_rows && w >= 0 && w < shape.in_columns;
        const int16_t value = inside ? plane[h * shape.in_columns + w] : int16_t{0};
        seen += value != 0 ? 1 : 0;
        *to++ = value;
      }
    }
  }
  if (nonzero != nullptr) *nonzero += seen * shape.out_channels_per_group();
  ConvolutionShape row;
  row.groups = shape.groups;
  row.out_channels = shape.out_channels;
  row.in_channels = shape.in_channels * taps;
  row.in_columns = row.out_columns = count;
  Tensor sums(DataType::int64, {shape.out_channels, count});
  if (count > 0)
    convolve(row, gathered.values<int16_t>(), weights.values<int16_t>(), bias, sums.values<int64_t>(),
             threads);
  return sums;
}

}  // namespace deltahop
