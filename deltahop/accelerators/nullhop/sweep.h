// SPDX-License-Identifier: Apache-2.0
// How NullHop sweeps an image: in stripes of two output rows, column by column, all channels of a column
// before the next one. A pixel occupies its MACs for one cycle for each output that it reaches in the stripe:
// k columns times one or two rows, fewer at the borders [Aimar2019].
#pragma once

#include <algorithm>
#include <cstdint>

#include "deltahop/kernels/convolution_shape.h"
#include "deltahop/tensor/encodings/encoding.h"

namespace deltahop::nullhop {

struct Range {
  int64_t first = 0, last = 0;  // last is excluded
  int64_t size() const { return std::max<int64_t>(0, last - first); }
};

struct Sweep {
  MapShape input;  // of one group
  int64_t out_rows = 0, out_columns = 0;
  int64_t kernel_rows = 1, kernel_columns = 1;
  int64_t stride_rows = 1, stride_columns = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t stripe_rows = 2;

  static Sweep of(const ConvolutionShape& shape, int64_t stripe_rows) {
    return {.input = {shape.in_channels_per_group(), shape.in_rows, shape.in_columns},
            .out_rows = shape.out_rows,
            .out_columns = shape.out_columns,
            .kernel_rows = shape.kernel_rows,
            .kernel_columns = shape.kernel_columns,
            .stride_rows = shape.stride_rows,
            .stride_columns = shape.stride_columns,
            .pad_top = shape.pad_top,
            .pad_left = shape.pad_left,
            .stripe_rows = stripe_rows};
  }

  int64_t stripes() const { return (out_rows + stripe_rows - 1) / stripe_rows; }
  int64_t positions() const {
    return stripes() * input.columns;
  }  // steps of the sweep: a column of a stripe each
  // Managers: one for each input row of a stripe.
  int64_t rows_read() const { return kernel_rows + (stripe_rows - 1) * stride_rows; }

  Range out_rows_of(int64_t stripe) const {
    return {stripe * stripe_rows, std::min(out_rows, (stripe + 1) * stripe_rows)};
  }
  // Row of the image that the stripe's first manager reads; may lie in the padding.
  int64_t top_row_of(int64_t stripe) const { return stripe * stripe_rows * stride_rows - pad_top; }
  // Rows of the image that the stripe needs.
  Range in_rows_of(int64_t stripe) const {
    const int64_t top = top_row_of(stripe);
    const int64_t bottom = (out_rows_of(stripe).last - 1) * stride_rows - pad_top + kernel_rows;
    return {std::clamp<int64_t>(top, 0, input.rows), std::clamp<int64_t>(bottom, 0, input.rows)};
  }
  // Output rows of the stripe, and output columns, that a pixel reaches.
  Range rows_reached(int64_t row, int64_t stripe) const {
    const Range all = reached(row + pad_top, kernel_rows, stride_rows, out_rows);
    const Range mine = out_rows_of(stripe);
    return {std::max(all.first, mine.first), std::min(all.last, mine.last)};
  }
  Range columns_reached(int64_t column) const {
    return reached(column + pad_left, kernel_columns, stride_columns, out_columns);
  }
  // Output columns that are finished once the input columns up to this one are done.
  int64_t columns_finished(int64_t column) const {
    if (column < 0) return 0;
    if (column + 1 >= input.columns) return out_columns;
    const int64_t newest = column + pad_left - kernel_columns + 1;
    return newest < 0 ? 0 : std::min(out_columns, newest / stride_columns + 1);
  }

 private:
  // Outputs o in [0, count) with 0 <= at - o * stride < kernel.
  static Range reached(int64_t at, int64_t kernel, int64_t stride, int64_t count) {
    const int64_t lowest = std::max<int64_t>(0, at - kernel + 1);
    return {(lowest + stride - 1) / stride, std::min(count, at / stride + 1)};
  }
};

}  // namespace deltahop::nullhop
