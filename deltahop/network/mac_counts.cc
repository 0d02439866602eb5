// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/mac_counts.h"

#include <algorithm>

namespace deltahop {
namespace {

// The first and one-past-last output index whose input index `out * stride - pad + offset` lies in [0, size).
struct Range {
  int64_t begin, end;
};
Range inside_range(int64_t outs, int64_t stride, int64_t pad, int64_t offset, int64_t size) {
  const int64_t first = pad - offset;  // input index 0 is reached at out * stride >= first
  const int64_t begin = first <= 0 ? 0 : (first + stride - 1) / stride;
  const int64_t last = size - 1 + pad - offset;
  const int64_t end = last < 0 ? 0 : last / stride + 1;
  return {std::min(begin, outs), std::max(std::min(end, outs), std::min(begin, outs))};
}

// Sums over rectangles of one channel's non-zero flags: a table of prefix sums, one more row and column than
// the map.
class NonzeroTable {
 public:
  NonzeroTable(int64_t rows, int64_t columns)
      : columns_(columns), sums_(static_cast<size_t>((rows + 1) * (columns + 1)), 0) {}

  template <class T>
  void fill(const T* channel, int64_t rows) {
    for (int64_t y = 0; y < rows; ++y) {
      int64_t in_row = 0;
      for (int64_t x = 0; x < columns_; ++x) {
        in_row += channel[y * columns_ + x] != T{} ? 1 : 0;
        at(y + 1, x + 1) = at(y, x + 1) + in_row;
      }
    }
  }
  // Non-zeros in rows [y0, y1), columns [x0, x1).
  int64_t sum(int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
    return at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0);
  }
  bool nonzero(int64_t y, int64_t x) { return sum(y, y + 1, x, x + 1) != 0; }

 private:
  int64_t& at(int64_t y, int64_t x) { return sums_[static_cast<size_t>(y * (columns_ + 1) + x)]; }
  int64_t columns_;
  std::vector<int64_t> sums_;
};

// Non-zero inputs met by one kernel position, over all output positions.
int64_t hits(NonzeroTable& table, const ConvolutionShape& shape, Range rows, Range columns,
             int64_t row_offset, int64_t column_offset) {
  if (rows.begin == rows.end || columns.begin == columns.end) return 0;
  const auto row_of = [&](int64_t p) { return p * shape.stride_rows + row_offset; };
  const auto column_of = [&](int64_t q) { return q * shape.stride_columns + column_offset; };
  if (shape.stride_rows == 1 && shape.stride_columns == 1) {
    return table.sum(row_of(rows.begin), row_of(rows.end - 1) + 1, column_of(columns.begin),
                     column_of(columns.end - 1) + 1);
  }
  int64_t count = 0;
  for (int64_t p = rows.begin; p < rows.end; ++p) {
    for (int64_t q = columns.begin; q < columns.end; ++q)
      count += table.nonzero(row_of(p), column_of(q)) ? 1 : 0;
  }
  return count;
}

template <class T>
std::vector<int64_t> count_weights(const ConvolutionShape& shape, const Tensor& weights) {
  std::vector<int64_t> counts(
      static_cast<size_t>(shape.in_channels * shape.kernel_rows * shape.kernel_columns), 0);
  const int64_t row = shape.kernel_size();
  DELTAHOP_CHECK(weights.size() == shape.out_channels * row);
  const T* const values = weights.values<T>().data();
  for (int64_t k = 0; k < shape.out_channels; ++k) {
    int64_t* const into = counts.data() + k / shape.out_channels_per_group() * row;
    for (int64_t i = 0; i < row; ++i) into[i] += values[k * row + i] != T{} ? 1 : 0;
  }
  return counts;
}

}  // namespace

MacCounter::MacCounter(const ConvolutionShape& shape, const Tensor* weights) : shape_(shape) {
  const auto positions = static_cast<size_t>(shape.in_channels * shape.kernel_rows * shape.kernel_columns);
  if (weights == nullptr) {
    nonzero_weights_.assign(positions, shape.out_channels_per_group());
  } else {
    nonzero_weights_ = weights->type() == DataType::int16 ? count_weights<int16_t>(shape, *weights)
                                                          : count_weights<float>(shape, *weights);
  }
}

MacCounts MacCounter::count(const Tensor& input) const {
  const ConvolutionShape& shape = shape_;
  const int64_t plane = shape.in_rows * shape.in_columns;
  DELTAHOP_CHECK(input.size() == shape.batch * shape.in_channels * plane);
  MacCounts counts;
  counts.dense = shape.batch * shape.out_channels * shape.out_rows * shape.out_columns * shape.kernel_size();
  NonzeroTable table(shape.in_rows, shape.in_columns);
  const int64_t filters = shape.out_channels_per_group();
  for (int64_t channel = 0; channel < shape.batch * shape.in_channels; ++channel) {
    if (input.type() == DataType::int16) {
      table.fill(input.values<int16_t>().data() + channel * plane, shape.in_rows);
    } else {
      table.fill(input.values<float>().data() + channel * plane, shape.in_rows);
    }
    const int64_t* weights =
        nonzero_weights_.data() + channel % shape.in_channels * shape.kernel_rows * shape.kernel_columns;
    for (int64_t r = 0; r < shape.kernel_rows; ++r) {
      const int64_t row_offset = r * shape.dilation_rows - shape.pad_top;
      const Range rows = inside_range(shape.out_rows, shape.stride_rows, shape.pad_top,
                                      r * shape.dilation_rows, shape.in_rows);
      for (int64_t s = 0; s < shape.kernel_columns; ++s, ++weights) {
        const int64_t column_offset = s * shape.dilation_columns - shape.pad_left;
        const Range columns = inside_range(shape.out_columns, shape.stride_columns, shape.pad_left,
                                           s * shape.dilation_columns, shape.in_columns);
        const int64_t met = hits(table, shape, rows, columns, row_offset, column_offset);
        counts.inside += filters * (rows.end - rows.begin) * (columns.end - columns.begin);
        counts.nonzero_input += filters * met;
        counts.nonzero += *weights * met;
      }
    }
  }
  return counts;
}

}  // namespace deltahop
