// SPDX-License-Identifier: Apache-2.0
// The inner loops of delta_matvec.cc: sums over columns for a range of rows, compiled for every instruction
// set (delta_columns.cc) and once more for byte products (delta_columns_vnni.cc).
//
// Columns are taken a group at a time, so that each sum is read and written once a group; the lines of a
// group that lies ahead are asked for meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>

namespace deltahop::delta_columns {

// Rows [begin, end) of the columns `indices`, or of all columns in their order where indices is null.
template <class W, class Delta, class Sum>
struct Job {
  const W* weights = nullptr;
  int64_t stride = 0;  // of two columns, in weights
  const uint32_t* indices = nullptr;
  const Delta* deltas = nullptr;
  int64_t count = 0;
  Sum* memory = nullptr;  // of row 0
  int64_t begin = 0, end = 0;
  int64_t largest_weight = 0;  // magnitude; for integers

  const W* column(int64_t i) const {
    return weights + (indices == nullptr ? i : int64_t{indices[i]}) * stride;
  }
};

// Jobs may begin at multiples of this many rows.
inline constexpr int64_t kRowUnit = 64;

void run(const Job<float, float, float>&);
void run(const Job<int8_t, int16_t, int32_t>&);
void run(const Job<int16_t, int16_t, int32_t>&);
void run(const Job<int16_t, int16_t, int64_t>&);  // for weights so large that few products fit 32 bits

// How many products of the job certainly fit 32 bits together: at least 1.
int64_t products_that_fit(const Job<int8_t, int16_t, int64_t>&);
int64_t products_that_fit(const Job<int16_t, int16_t, int64_t>&);
// memory[i] += sums[i]
void add_widened(const int32_t* sums, int64_t* memory, int64_t count);

// All columns for four streams at once: a weight is read once for them, and the sums stay in registers.
inline constexpr int64_t kTogether = 4;
struct FourStreams {
  const float* weights = nullptr;
  int64_t stride = 0, columns = 0;
  const float* x[kTogether] = {};
  float* memory[kTogether] = {};  // of row 0
  int64_t begin = 0, end = 0;     // rows
};
void run(const FourStreams&);

// Byte products of four columns at once (AVX-512 VNNI). Weights are stored with 128 added, as unsigned bytes,
// rows in the order of byte_of_row.
bool has_byte_products();
void run_byte_products(const Job<int8_t, int16_t, int32_t>&);

// Where row r of a column lies, for byte products: in each 64 rows a 4x4 transposition of groups of four,
// undone when four columns are interleaved byte by byte.
inline constexpr int64_t byte_of_row(int64_t r) {
  return (r & ~int64_t{63}) | (r >> 2 & 3) << 4 | (r >> 4 & 3) << 2 | (r & 3);
}

}  // namespace deltahop::delta_columns
