// SPDX-License-Identifier: Apache-2.0
// The inner loops of tiled_conv2d.cc: some pixels by 16 to 64 out channels whose sums stay in registers from
// the first product to what is stored.
#pragma once

#include <cstdint>
#include <span>

#include "deltahop/kernels/sparse_conv2d.h"

namespace deltahop::tiled_blocks {

inline constexpr int64_t kGroup = 16;      // out channels of a vector of sums
inline constexpr int64_t kMostGroups = 4;  // held at once

// How sums become codes, for a saturating format and a shift to the right: the sum is held between `lowest`
// and `highest`, what rounds is added, and the shift cuts.
struct CodeWay {
  int32_t lowest = 0, highest = 0;  // of the format, at the sums' scale
  int32_t added = 0;
  int32_t added_to_odd = 0;       // once more where the cut code is odd: 1 or 0
  int32_t added_to_negative = 0;  // once more where the sum is below zero
  int shift = 0;
};
struct FloatWay {
  bool relu = false;
};

// Pixels of one block of out channels.
template <class T>
struct Tile {
  static constexpr bool kIsInteger = SparseConvolution<T>::kIsInteger;
  using Weight = typename SparseConvolution<T>::Weight;
  using Sum = typename SparseConvolution<T>::Sum;
  const T* image = nullptr;
  const int64_t* places = nullptr;  // of the pixels in the image
  int64_t pixels = 0;
  const int64_t* runs = nullptr;  // where each run of neighbours begins, from the pixel's place
  int64_t run_count = 0;
  int64_t run_steps = 0;            // of each run: values, or four bytes
  int64_t run_bytes = 0;            // of each run, without what fills it up to four
  int64_t columns = 0, step = 0;    // pixels are whole rows of so many, whose places are `step` apart
  bool skips = false;               // leave out runs that are zero for all pixels of a tile (bytes only)
  int64_t groups = 1;               // of 16 out channels
  const Weight* weights = nullptr;  // [run][step][16 * groups] numbers, or four bytes
  const Sum* bias = nullptr;        // [16 * groups]
  T* to = nullptr;
  int64_t stride = 0;    // between the pixels of what is stored
  int64_t channels = 0;  // that are stored of 16 * groups
  std::conditional_t<kIsInteger, CodeWay, FloatWay> way;
};

// u8 times s8 on processors with byte products (sparse_blocks::has_byte_products()). Returns the runs that
// were left out, times the pixels of their tiles.
int64_t run(const Tile<uint8_t>& tile);
int64_t run(const Tile<float>& tile);  // 0: all are computed

int64_t count_zeros(std::span<const int8_t> codes);
int64_t count_zeros(std::span<const float> values);

// to[i] = the largest of from[0][i], from[1][i], ..., for i < count.
void largest(std::span<const int8_t* const> from, int64_t count, int8_t* to);
void largest(std::span<const float* const> from, int64_t count, float* to);
// The maximum of neighbouring pixels of one row: out pixel q from pixels [q * step - before, + window) as far
// as they are there.
template <class T>
struct NeighbourRow {
  const T* from = nullptr;
  int64_t columns = 0, channels = 0;
  int64_t window = 1, step = 1, before = 0;
  int64_t out_columns = 0;
  T* to = nullptr;
  int64_t stride = 0;  // between out pixels
};
void largest(const NeighbourRow<int8_t>& row);
void largest(const NeighbourRow<float>& row);

// to[i] = the sum of from[0][i], from[1][i], ..., for i < count.
void sum(std::span<const int8_t* const> from, int64_t count, int32_t* to);
void sum(std::span<const float* const> from, int64_t count, float* to);
// The same of neighbours, as the maximum above; one pixel at least is there for each.
void sum(const NeighbourRow<int32_t>& row);
void sum(const NeighbourRow<float>& row);

// Averages of windows that lie inside a map, one row of them: sums, brought to codes.
struct CodeAverages {
  const int8_t* from = nullptr;   // the first window's corner
  int64_t row = 0, channels = 0;  // between two rows of the map; of a pixel
  int64_t window_rows = 1, window_columns = 1, step = 1;
  int64_t out_columns = 0;
  int8_t* to = nullptr;  // [out_columns, channels]
  CodeWay way;
};
void average(const CodeAverages& averages);

void round(std::span<const int32_t> sums, const CodeWay& way, int8_t* codes);

// a * 2^left_a + b * 2^left_b, brought to codes.
struct CodeSum {
  const int8_t *a = nullptr, *b = nullptr;
  int left_a = 0, left_b = 0;
  int64_t count = 0;
  int8_t* to = nullptr;
  CodeWay way;
};
void add(const CodeSum& sum);
// a + b, and the ReLU.
void add(const float* a, const float* b, int64_t count, bool relu, float* to);

}  // namespace deltahop::tiled_blocks
