// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/delta_columns.h"

#include <array>
#include <cstdlib>
#include <type_traits>

#include <hwy/cache_control.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/delta_columns.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::delta_columns::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One lane a row while a group of columns is summed: float, or 32 bits for all integers.
template <class W>
using Lane = std::conditional_t<std::is_same_v<W, float>, float, int32_t>;

// What is broadcast for a column. x86 multiplies 16-bit pairs: (w, sign of w) * (delta, 0).
template <class Delta>
HWY_INLINE Lane<Delta> factor_of(Delta delta) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  if constexpr (std::is_same_v<Delta, int16_t>) return static_cast<uint16_t>(delta);
#endif
  return delta;
}

template <class D, class V>
HWY_INLINE V multiply_add(D lanes, const float* weights, V factor, V sum) {
  return hn::MulAdd(hn::LoadU(lanes, weights), factor, sum);
}

template <class W, class D, class V>
HWY_INLINE V multiply_add(D lanes, const W* weights, V factor, V sum) {
  const V w = hn::PromoteTo(lanes, hn::LoadU(hn::Rebind<W, D>(), weights));
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  const hn::Repartition<int16_t, D> pairs;
  V unused = hn::Zero(lanes);
  return hn::ReorderWidenMulAccumulate(lanes, hn::BitCast(pairs, w), hn::BitCast(pairs, factor), sum, unused);
#else
  return hn::Add(sum, hn::Mul(w, factor));
#endif
}

template <class D, class V, class Sum>
HWY_INLINE void add_to_memory(D lanes, V sum, Sum* memory) {
  if constexpr (sizeof(Sum) == 4) {
    hn::StoreU(sum, lanes, memory);  // it began with the memory
  } else {
#if HWY_TARGET == HWY_SCALAR
    *memory += hn::GetLane(sum);
#else
    const hn::Half<D> half;
    const hn::Repartition<int64_t, D> wide;
    int64_t* const upper = memory + hn::Lanes(wide);
    hn::StoreU(hn::Add(hn::LoadU(wide, memory), hn::PromoteTo(wide, hn::LowerHalf(half, sum))), wide, memory);
    hn::StoreU(hn::Add(hn::LoadU(wide, upper), hn::PromoteTo(wide, hn::UpperHalf(half, sum))), wide, upper);
#endif
  }
}

template <class D, class Sum>
HWY_INLINE hn::Vec<D> first_sum(D lanes, const Sum* memory) {
  if constexpr (sizeof(Sum) == 4) {
    return hn::LoadU(lanes, memory);
  } else {
    return hn::Zero(lanes);
  }
}

// Pointers are to the row of the block.
template <int kGroup, class W>
struct Group {
  std::array<const W*, kGroup> columns, later;  // later: what is asked for, or null
  std::array<Lane<W>, kGroup> factors;
};

constexpr int kVectors = 4;  // sums a block, of one vector each

// Four vectors of rows from `row` on.
template <int kGroup, class W, class Sum>
HWY_INLINE void add_block(const Group<kGroup, W>& group, int64_t row, Sum* HWY_RESTRICT memory) {
  const hn::ScalableTag<Lane<W>> lanes;
  const int64_t n = static_cast<int64_t>(hn::Lanes(lanes));
  auto a = first_sum(lanes, memory), b = first_sum(lanes, memory + n);
  auto c = first_sum(lanes, memory + 2 * n), d = first_sum(lanes, memory + 3 * n);
#pragma GCC unroll 8
  for (size_t j = 0; j < kGroup; ++j) {
    const W* const column = group.columns[j] + row;
    const auto factor = hn::Set(lanes, group.factors[j]);
    a = multiply_add(lanes, column, factor, a);
    b = multiply_add(lanes, column + n, factor, b);
    c = multiply_add(lanes, column + 2 * n, factor, c);
    d = multiply_add(lanes, column + 3 * n, factor, d);
  }
  add_to_memory(lanes, a, memory);
  add_to_memory(lanes, b, memory + n);
  add_to_memory(lanes, c, memory + 2 * n);
  add_to_memory(lanes, d, memory + 3 * n);
}

template <int kGroup, class W, class Sum>
HWY_INLINE void add_vector(const Group<kGroup, W>& group, int64_t row, Sum* HWY_RESTRICT memory) {
  const hn::ScalableTag<Lane<W>> lanes;
  auto sum = first_sum(lanes, memory);
  for (size_t j = 0; j < kGroup; ++j) {
    sum = multiply_add(lanes, group.columns[j] + row, hn::Set(lanes, group.factors[j]), sum);
  }
  add_to_memory(lanes, sum, memory);
}

template <int kGroup, class W>
HWY_INLINE void ask_for(const Group<kGroup, W>& group, int64_t row, int64_t rows) {
  constexpr int64_t kLine = 64 / sizeof(W);
  for (int64_t r = row; r < row + rows; r += kLine) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kGroup; ++j) hwy::Prefetch(group.later[j] + r);
  }
}

// Of the columns of the next group the first kBytesAhead are asked for while this one is summed: by the time
// that they are read, the machine's own prefetcher has seen where each of the long ones goes on.
constexpr int64_t kBytesAhead = 1024;

// Whole blocks of rows in [begin, end); returns where it stopped.
template <int kGroup, class W, class Sum>
HWY_INLINE int64_t add_blocks(const Group<kGroup, W>& group, int64_t begin, int64_t end, Sum* memory) {
  const int64_t block = kVectors * static_cast<int64_t>(hn::Lanes(hn::ScalableTag<Lane<W>>()));
  const int64_t asked =
      group.later[0] == nullptr ? begin : begin + kBytesAhead / static_cast<int64_t>(sizeof(W));
  int64_t row = begin;
  for (; row + block <= end; row += block) {
    if (row < asked) ask_for(group, row, block);
    add_block(group, row, memory + row);
  }
  return row;
}

// The rows that are left, a vector at a time; the last, partial one in a copy (panels are padded, memories
// are not).
template <int kGroup, class W, class Sum>
HWY_INLINE void add_rest(const Group<kGroup, W>& group, int64_t row, int64_t end, Sum* memory) {
  const int64_t n = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<Lane<W>>()));
  for (; row + n <= end; row += n) add_vector(group, row, memory + row);
  if (row == end) return;
  HWY_ALIGN Sum copy[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(memory + row, memory + end, copy);
  add_vector(group, row, copy);
  std::copy(copy, copy + (end - row), memory + row);
}

// Entries [first, first + kGroup) of the list; those beyond its end count as zero times the last column.
template <int kGroup, class W, class Delta, class Sum>
HWY_INLINE void add_group(const Job<W, Delta, Sum>& job, int64_t first) {
  Group<kGroup, W> group;
  const int64_t last = job.count - 1, later = first + kGroup;
  for (int64_t j = 0; j < kGroup; ++j) {
    const size_t slot = static_cast<size_t>(j);
    group.columns[slot] = job.column(std::min(first + j, last));
    group.factors[slot] = first + j <= last ? factor_of(job.deltas[first + j]) : Lane<W>{};
    group.later[slot] = later <= last ? job.column(std::min(later + j, last)) : nullptr;
  }
  const int64_t row = add_blocks(group, job.begin, job.end, job.memory);
  add_rest(group, row, job.end, job.memory);
}

template <int kGroup, class W, class Delta, class Sum>
HWY_INLINE void add_groups(const Job<W, Delta, Sum>& job) {
  for (int64_t first = 0; first < job.count; first += kGroup) add_group<kGroup>(job, first);
}

constexpr int64_t kColumnsAhead = 16;

// kVectorsHere vectors of rows from `row` on, of all streams.
template <size_t kVectorsHere>
HWY_INLINE void add_tile(const FourStreams& job, int64_t row) {
  const hn::ScalableTag<float> lanes;
  using V = hn::Vec<decltype(lanes)>;
  const size_t n = hn::Lanes(lanes);
  V sums[kTogether][kVectorsHere];
#pragma GCC unroll 16
  for (size_t s = 0; s < kTogether; ++s) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectorsHere; ++v) sums[s][v] = hn::LoadU(lanes, job.memory[s] + row + v * n);
  }
  const float* column = job.weights + row;
  for (int64_t k = 0; k < job.columns; ++k, column += job.stride) {
    for (size_t line = 0; line < kVectorsHere * n; line += 64 / sizeof(float)) {
      hwy::Prefetch(column + kColumnsAhead * job.stride + line);
    }
    V weights[kVectorsHere];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectorsHere; ++v) weights[v] = hn::LoadU(lanes, column + v * n);
#pragma GCC unroll 16
    for (size_t s = 0; s < kTogether; ++s) {
      const V factor = hn::Set(lanes, job.x[s][k]);
#pragma GCC unroll 4
      for (size_t v = 0; v < kVectorsHere; ++v) sums[s][v] = hn::MulAdd(weights[v], factor, sums[s][v]);
    }
  }
#pragma GCC unroll 16
  for (size_t s = 0; s < kTogether; ++s) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectorsHere; ++v) hn::StoreU(sums[s][v], lanes, job.memory[s] + row + v * n);
  }
}

// Rows that fill no vector, in a copy: panels are padded, memories are not.
HWY_INLINE void add_last_rows(const FourStreams& job, int64_t row) {
  constexpr size_t kMost = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float copies[kTogether][kMost] = {};
  const auto left = static_cast<size_t>(job.end - row);
  FourStreams rest = job;
  rest.weights = job.weights + row;
  for (size_t s = 0; s < kTogether; ++s) {
    std::copy(job.memory[s] + row, job.memory[s] + row + left, copies[s]);
    rest.memory[s] = copies[s];
  }
  add_tile<1>(rest, 0);
  for (size_t s = 0; s < kTogether; ++s) std::copy(copies[s], copies[s] + left, job.memory[s] + row);
}

HWY_ATTR void add_four_streams(const FourStreams& job) {
  constexpr size_t kTile = HWY_MAX_BYTES >= 64 ? 4 : 2;  // 32 registers, or 16
  const int64_t n = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>()));
  int64_t row = job.begin;
  for (; row + static_cast<int64_t>(kTile) * n <= job.end; row += static_cast<int64_t>(kTile) * n) {
    add_tile<kTile>(job, row);
  }
  for (; row + n <= job.end; row += n) add_tile<1>(job, row);
  if (row < job.end) add_last_rows(job, row);
}

constexpr int kColumns = 8;  // a group

HWY_ATTR void add_float(const Job<float, float, float>& job) { add_groups<kColumns>(job); }
HWY_ATTR void add_int8(const Job<int8_t, int16_t, int32_t>& job) { add_groups<kColumns>(job); }
HWY_ATTR void add_int16(const Job<int16_t, int16_t, int32_t>& job) { add_groups<kColumns>(job); }
HWY_ATTR void add_large_int16(const Job<int16_t, int16_t, int64_t>& job) { add_groups<1>(job); }

HWY_ATTR int32_t largest_of(const int16_t* deltas, int64_t count) {
  int32_t largest = 0;
  for (int64_t k = 0; k < count; ++k) largest = std::max(largest, std::abs(int32_t{deltas[k]}));
  return largest;
}

HWY_ATTR void widen(const int32_t* HWY_RESTRICT sums, int64_t* HWY_RESTRICT memory, int64_t count) {
  for (int64_t i = 0; i < count; ++i) memory[i] += sums[i];
}

}  // namespace deltahop::delta_columns::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop::delta_columns {
HWY_EXPORT(add_float);
HWY_EXPORT(add_int8);
HWY_EXPORT(add_int16);
HWY_EXPORT(add_large_int16);
HWY_EXPORT(add_four_streams);
HWY_EXPORT(largest_of);
HWY_EXPORT(widen);

void run(const Job<float, float, float>& job) { HWY_DYNAMIC_DISPATCH(add_float)(job); }
void run(const FourStreams& job) { HWY_DYNAMIC_DISPATCH(add_four_streams)(job); }
void run(const Job<int8_t, int16_t, int32_t>& job) { HWY_DYNAMIC_DISPATCH(add_int8)(job); }
void run(const Job<int16_t, int16_t, int32_t>& job) { HWY_DYNAMIC_DISPATCH(add_int16)(job); }
void run(const Job<int16_t, int16_t, int64_t>& job) { HWY_DYNAMIC_DISPATCH(add_large_int16)(job); }

int64_t products_that_fit(const Job<int8_t, int16_t, int64_t>&) { return INT32_MAX / (128 * 32768); }
int64_t products_that_fit(const Job<int16_t, int16_t, int64_t>& job) {
  const int64_t largest = HWY_DYNAMIC_DISPATCH(largest_of)(job.deltas, job.count);
  return INT32_MAX / std::max<int64_t>(largest * job.largest_weight, 1);
}

void add_widened(const int32_t* sums, int64_t* memory, int64_t count) {
  HWY_DYNAMIC_DISPATCH(widen)(sums, memory, count);
}

}  // namespace deltahop::delta_columns
#endif  // HWY_ONCE
