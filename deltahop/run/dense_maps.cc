// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/dense_maps.h"

#include <algorithm>
#include <bit>

#include "deltahop/kernels/tiled_conv2d.h"

namespace deltahop {
namespace {

constexpr int64_t kLargestTable = int64_t{1} << 16;
constexpr double kSecondsPerByte = 0.1e-9;  // of pooling, about: only for whether threads are worth it
constexpr int64_t kTile = 16;               // of a transposition

// A row, or the three of a picture in colours: their number known to the compiler.
template <int kRows, class In, class Out>
void transpose_few(const In* in, int64_t columns, Out* out) {
  for (int64_t c = 0; c < columns; ++c) {
    for (int r = 0; r < kRows; ++r) out[c * kRows + r] = static_cast<Out>(in[r * columns + c]);
  }
}

// in: [rows, columns] to out: [columns, rows], converted.
template <class In, class Out>
void transpose(const In* in, int64_t rows, int64_t columns, Out* out) {
  if (rows == 1 || columns == 1) return transpose_few<1>(in, rows * columns, out);
  if (rows == 3) return transpose_few<3>(in, columns, out);
  for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t end = std::min(r0 + kTile, rows);
      for (int64_t r = r0; r < end; ++r) out[c * rows + r] = static_cast<Out>(in[r * columns + c]);
    }
  }
}

}  // namespace

CodeRounder::CodeRounder(int shift, int64_t divisor, const CodeRule& rule, int64_t lowest, int64_t highest)
    : shift_(shift), divisor_(divisor), lowest_(lowest), rule_(rule) {
  DELTAHOP_CHECK(rule.format.total_bits <= 8 && rule.format.is_signed);
  if (std::has_single_bit(static_cast<uint64_t>(divisor))) {  // a shift to the right
    shift_ += std::countr_zero(static_cast<uint64_t>(divisor));
    divisor_ = 1;
    way_ = code_way({shift_, rule.format, rule.rounding, rule.overflow, false});
  }
  if (way_ || highest - lowest >= kLargestTable) return;
  for (int64_t sum = lowest; sum <= highest; ++sum) {
    bool outside = false;
    table_.push_back(static_cast<int8_t>(code_of(sum, divisor, shift, rule, &outside)));
  }
}

void CodeRounder::round(std::span<const int32_t> sums, int8_t* codes) const {
  if (way_) return tiled_blocks::round(sums, *way_, codes);
  for (size_t i = 0; i < sums.size(); ++i) {
    bool outside = false;
    codes[i] = table_.empty() ? static_cast<int8_t>(code_of(sums[i], divisor_, shift_, rule_, &outside))
                              : table_[static_cast<size_t>(sums[i] - lowest_)];
  }
}

template <class T>
void from_tensor(const Tensor& tensor, const MapSize& size, T* map) {
  using Stored = std::conditional_t<std::is_same_v<T, float>, float, int16_t>;
  DELTAHOP_CHECK(tensor.size() == size.size());
  transpose(tensor.values<Stored>().data(), size.channels, size.rows * size.columns, map);
}

template <class T>
Tensor to_tensor(const T* map, const MapSize& size, const Shape& shape) {
  using Stored = std::conditional_t<std::is_same_v<T, float>, float, int16_t>;
  Tensor tensor(data_type_of<Stored>(), shape);
  DELTAHOP_CHECK(tensor.size() == size.size());
  transpose(map, size.rows * size.columns, size.channels, tensor.values<Stored>().data());
  return tensor;
}

// Rows [begin, end) of the result: down the columns of whole rows first, then along each row.
template <class T>
struct MaximumPool {
  const T* in;
  const MapSize& size;
  const Pooling& pooling;
  const MapSize& out_size;
  T* out;
  int64_t stride;

  void run(int64_t begin, int64_t end) const {
    const int64_t row = size.columns * size.channels;
    std::vector<T> highest(static_cast<size_t>(row));
    std::vector<const T*> rows;
    for (int64_t p = begin; p < end; ++p) {
      const int64_t top = p * pooling.stride_rows - pooling.pad_top;
      rows.clear();
      for (int64_t h = std::max<int64_t>(top, 0); h < std::min(top + pooling.rows, size.rows); ++h)
        rows.push_back(in + h * row);
      tiled_blocks::largest(rows, row, highest.data());
      const tiled_blocks::NeighbourRow<T> along{highest.data(),
                                                size.columns,
                                                size.channels,
                                                pooling.columns,
                                                pooling.stride_columns,
                                                pooling.pad_left,
                                                out_size.columns,
                                                out + p * out_size.columns * stride,
                                                stride};
      tiled_blocks::largest(along);
    }
  }
};

template <class T, class Sum>
void pool_sums(const T* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size, Sum* sums) {
  const int64_t row = size.columns * size.channels, out_row = out_size.columns * size.channels;
  std::vector<Sum> down(static_cast<size_t>(row));
  std::vector<const T*> rows;
  for (int64_t p = 0; p < out_size.rows; ++p) {
    const int64_t top = p * pooling.stride_rows - pooling.pad_top;
    rows.clear();
    for (int64_t h = std::max<int64_t>(top, 0); h < std::min(top + pooling.rows, size.rows); ++h)
      rows.push_back(in + h * row);
    tiled_blocks::sum(rows, row, down.data());
    const tiled_blocks::NeighbourRow<Sum> along{down.data(),      size.columns,           size.channels,
                                                pooling.columns,  pooling.stride_columns, pooling.pad_left,
                                                out_size.columns, sums + p * out_row,     size.channels};
    tiled_blocks::sum(along);
  }
}

template <class T>
void pool_maximum(const T* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size, T* out,
                  int64_t stride, RowWorkers& workers) {
  const MaximumPool<T> pool{in, size, pooling, out_size, out, stride};
  const double seconds = kSecondsPerByte * static_cast<double>(size.size()) * sizeof(T);
  if (!workers.are_worth(seconds)) return pool.run(0, out_size.rows);
  workers.run([&](int piece) {
    pool.run(out_size.rows * piece / workers.threads(), out_size.rows * (piece + 1) / workers.threads());
  });
}

bool pool_average(const int8_t* in, const MapSize& size, const Pooling& pooling, const MapSize& out_size,
                  const CodeRounder& rounder, int8_t* out) {
  const bool is_inside = pooling.pad_top == 0 && pooling.pad_left == 0 &&
                         (out_size.rows - 1) * pooling.stride_rows + pooling.rows <= size.rows &&
                         (out_size.columns - 1) * pooling.stride_columns + pooling.columns <= size.columns;
  if (!rounder.way() || !is_inside) return false;
  const int64_t row = size.columns * size.channels;
  for (int64_t p = 0; p < out_size.rows; ++p) {
    tiled_blocks::average({in + p * pooling.stride_rows * row, row, size.channels, pooling.rows,
                           pooling.columns, pooling.stride_columns, out_size.columns,
                           out + p * out_size.columns * size.channels, *rounder.way()});
  }
  return true;
}

void offset_and_pad(const int8_t* in, const MapSize& size, int64_t top, int64_t left, const MapSize& padded,
                    uint8_t* out) {
  constexpr uint8_t kZero = 128;
  std::fill_n(out, padded.size(), kZero);
  const int64_t rows = std::min(size.rows, padded.rows - top);
  const int64_t run = std::min(size.columns, padded.columns - left) * size.channels;
  for (int64_t h = 0; h < rows; ++h) {
    const int8_t* const from = in + h * size.columns * size.channels;
    uint8_t* const to = out + ((h + top) * padded.columns + left) * size.channels;
    for (int64_t i = 0; i < run; ++i) to[i] = static_cast<uint8_t>(from[i] + kZero);
  }
}

template void from_tensor<int8_t>(const Tensor&, const MapSize&, int8_t*);
template void from_tensor<float>(const Tensor&, const MapSize&, float*);
template Tensor to_tensor<int8_t>(const int8_t*, const MapSize&, const Shape&);
template Tensor to_tensor<float>(const float*, const MapSize&, const Shape&);
template void pool_maximum<int8_t>(const int8_t*, const MapSize&, const Pooling&, const MapSize&, int8_t*,
                                   int64_t, RowWorkers&);
template void pool_maximum<float>(const float*, const MapSize&, const Pooling&, const MapSize&, float*,
                                  int64_t, RowWorkers&);
template void pool_sums<int8_t, int32_t>(const int8_t*, const MapSize&, const Pooling&, const MapSize&,
                                         int32_t*);
template void pool_sums<float, float>(const float*, const MapSize&, const Pooling&, const MapSize&, float*);

}  // namespace deltahop
