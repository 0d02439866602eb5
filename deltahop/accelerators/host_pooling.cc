// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/host_pooling.h"

#include <algorithm>
#include <limits>

namespace deltahop {
namespace {

int16_t pool_window(const Pooling& pooling, const int16_t* plane, int64_t rows, int64_t columns, int64_t p,
                    int64_t q, Rounding rounding) {
  int64_t largest = std::numeric_limits<int16_t>::min(), sum = 0, count = 0;
  const int64_t top = p * pooling.stride_rows - pooling.pad_top;
  const int64_t left = q * pooling.stride_columns - pooling.pad_left;
  for (int64_t row = std::max<int64_t>(0, top); row < std::min(rows, top + pooling.rows); ++row) {
    for (int64_t column = std::max<int64_t>(0, left); column < std::min(columns, left + pooling.columns);
         ++column) {
      const int64_t value = plane[row * columns + column];
      largest = std::max(largest, value);
      sum += value;
      ++count;
    }
  }
  if (count == 0) return 0;
  return static_cast<int16_t>(pooling.kind == Pooling::Kind::max ? largest
                                                                 : divide_rounded(sum, count, rounding));
}

}  // namespace

Tensor host_pooled(const Tensor& stored, const Pooling& pooling, Rounding rounding) {
  const int64_t planes = stored.dim(0) * stored.dim(1), rows = stored.dim(2), columns = stored.dim(3);
  const int64_t out_rows =
      (rows + pooling.pad_top + pooling.pad_bottom - pooling.rows) / pooling.stride_rows + 1;
  const int64_t out_columns =
      (columns + pooling.pad_left + pooling.pad_right - pooling.columns) / pooling.stride_columns + 1;
  Tensor pooled(DataType::int16, {stored.dim(0), stored.dim(1), out_rows, out_columns});
  const int16_t* const from = stored.values<int16_t>().data();
  int16_t* out = pooled.values<int16_t>().data();
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t p = 0; p < out_rows; ++p) {
      for (int64_t q = 0; q < out_columns; ++q)
        *out++ = pool_window(pooling, from + plane * rows * columns, rows, columns, p, q, rounding);
    }
  }
  return pooled;
}

}  // namespace deltahop
