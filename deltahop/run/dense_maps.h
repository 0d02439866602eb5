// SPDX-License-Identifier: Apache-2.0
// Dense maps of the sparse engine, [rows, columns, channels]: moving, pooling and adding them. Codes of 8
// bits and floats; codes come out as the integer executor's (run/rounding.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deltahop/kernels/row_workers.h"
#include "deltahop/kernels/tiled_blocks.h"
#include "deltahop/run/rounding.h"
#include "deltahop/run/sparse_plan.h"

namespace deltahop {

// Exact sums to codes of at most 8 bits: the same as code_of() for each, by a table where the sums are few.
class CodeRounder {
 public:
  // sum / divisor * 2^-shift; all sums lie in [lowest, highest].
  CodeRounder(int shift, int64_t divisor, const CodeRule& rule, int64_t lowest, int64_t highest);
  void round(std::span<const int32_t> sums, int8_t* codes) const;
  const std::optional<tiled_blocks::CodeWay>& way() const { return way_; }

 private:
  int shift_ = 0;
  int64_t divisor_ = 1, lowest_ = 0;
  CodeRule rule_;
  std::optional<tiled_blocks::CodeWay> way_;  // where vectors can round
  std::vector<int8_t> table_;                 // by sum - lowest_; empty: computed
};

// [1, C, H, W] or [1, C], int16 or float32, to a map, and back. T: int8_t, float.
template <class T>
void from_tensor(const Tensor& tensor, const MapSize& size, T* map);
template <class T>
Tensor to_tensor(const T* map, const MapSize& size, const Shape& shape);

// Values beyond the border do not count. `stride` apart lie the pixels of `out`.
template <class T>
void pool_maximum(const T* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size, T* out,
                  int64_t stride, RowWorkers& workers);
// Sums over the windows, which lie within the map. Sum: int32_t, float.
template <class T, class Sum>
void pool_sums(const T* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size, Sum* sums);

// The averages themselves, where vectors can round them and no window is cut by the border; false: elsewhere,
// with nothing done.
bool pool_average(const int8_t* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size,
                  const CodeRounder& rounder, int8_t* out);

// The codes plus 128, inside a border of 128 (the code 0): what an unsigned kernel can take of signed codes.
// out: [rows, columns, channels] of `padded`, with the map's corner at (top, left); what is beyond is cut.
void offset_and_pad(const int8_t* in, const MapSize& size, int64_t top, int64_t left, const MapSize& padded,
                    uint8_t* out);

}  // namespace deltahop
