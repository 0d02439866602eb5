// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/sparse_blocks.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "deltahop/kernels/integer_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace deltahop::sparse_blocks::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using WordPass = Pass<uint8_t, int16_t, int32_t>;
using FloatPass = Pass<float, float, float>;
constexpr int64_t kLine = 64;  // bytes

// For the lines that are due with an output.
template <class T, class W, class Sum>
HWY_INLINE void ask(const Pass<T, W, Sum>& pass, int64_t output) {
  const char* const line = reinterpret_cast<const char*>(pass.ahead) + output * pass.lines_ahead * kLine;
  for (int64_t i = 0; i < pass.lines_ahead; ++i) hwy::Prefetch(line + i * kLine);
}

#if HWY_TARGET == HWY_SCALAR

void run_words(const WordPass& pass) {
  for (int64_t o = 0; o < pass.outputs; ++o) {
    int32_t* const sums = pass.sums + o * kBlock;
    if (pass.is_first) std::fill_n(sums, kBlock, 0);
    for (int64_t t = 0; t < pass.tap_count; ++t) {
      const ListPlace list = pass.lists[o * pass.step + pass.taps[t]];
      for (uint32_t i = list.begin; i < list.begin + list.groups * kGroup<uint8_t>; ++i) {
        const int16_t* const row = pass.weights + t * pass.tap_weights + pass.offsets[i];
        for (int64_t k = 0; k < kBlock; ++k) sums[k] += pass.values[i] * row[k];
      }
    }
  }
}

void order_words(int64_t* places) {
  for (int64_t k = 0; k < kBlock; ++k) places[k] = k;
}

#else

using Words = hn::CappedTag<int16_t, kBlock / 2>;
using Sums = hn::Repartition<int32_t, Words>;

// Two rows are interleaved, so that a pair of products falls into one sum. Four vectors of sums are held.
HWY_ATTR void add_words(const WordPass& pass, int64_t output, int64_t first) {
  const Words words;
  const Sums lanes;
  const int64_t step = static_cast<int64_t>(hn::Lanes(words)), half = step / 2;
  int32_t* const sums = pass.sums + output * kBlock + first;
  if (pass.is_first) std::fill_n(sums, 2 * step, 0);
  auto s0 = hn::Load(lanes, sums), s1 = hn::Load(lanes, sums + half);
  auto s2 = hn::Load(lanes, sums + step), s3 = hn::Load(lanes, sums + step + half);
  const auto add = [&](auto a, auto x, auto sum) {
    return integer_blocks::HWY_NAMESPACE::multiply_add_pairs(a, x, sum);
  };
  for (int64_t t = 0; t < pass.tap_count; ++t) {
    const ListPlace list = pass.lists[output * pass.step + pass.taps[t]];
    const uint8_t* const values = pass.values + list.begin;
    const uint16_t* const offsets = pass.offsets + list.begin;
    const int16_t* const weights = pass.weights + t * pass.tap_weights + first;
    for (int64_t i = 0; i < list.groups * kGroup<uint8_t>; i += 2) {
      const int16_t* const a = weights + offsets[i];
      const int16_t* const b = weights + offsets[i + 1];
      const auto x = hn::BitCast(words, hn::Set(lanes, values[i] | values[i + 1] << 16));
      const auto a0 = hn::Load(words, a), b0 = hn::Load(words, b);
      const auto a1 = hn::Load(words, a + step), b1 = hn::Load(words, b + step);
      s0 = add(hn::InterleaveLower(words, a0, b0), x, s0);
      s1 = add(hn::InterleaveUpper(words, a0, b0), x, s1);
      s2 = add(hn::InterleaveLower(words, a1, b1), x, s2);
      s3 = add(hn::InterleaveUpper(words, a1, b1), x, s3);
    }
  }
  hn::Store(s0, lanes, sums);
  hn::Store(s1, lanes, sums + half);
  hn::Store(s2, lanes, sums + step);
  hn::Store(s3, lanes, sums + step + half);
}

void run_words(const WordPass& pass) {
  const int64_t step = 2 * static_cast<int64_t>(hn::Lanes(Words()));
  for (int64_t o = 0; o < pass.outputs; ++o) {
    ask(pass, o);
    for (int64_t first = 0; first < kBlock; first += step) add_words(pass, o, first);
  }
}

// Interleaving works within 128 bits: their first four words go to the lower sums, the others to the upper.
HWY_ATTR void order_words(int64_t* places) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(Words())), half = lanes / 2;
  for (int64_t k = 0; k < kBlock; ++k) {
    const int64_t in_vector = k % lanes, in_half = in_vector % half;
    places[k] = k - in_vector + in_half / 4 * 8 + in_vector / half * 4 + in_half % 4;
  }
}

#endif

using Floats = hn::CappedTag<float, 16>;

// Vectors of sums that are held in registers at once.
constexpr int64_t kHeld = 4;

HWY_ATTR void add_floats(const FloatPass& pass, int64_t output, int64_t first) {
  const Floats floats;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(floats));
  float* const sums = pass.sums + output * kBlock + first;
  if (pass.is_first) std::fill_n(sums, kHeld * lanes, 0.0f);
  auto a0 = hn::Load(floats, sums), a1 = hn::Load(floats, sums + lanes);
  auto a2 = hn::Load(floats, sums + 2 * lanes), a3 = hn::Load(floats, sums + 3 * lanes);
  auto b0 = hn::Zero(floats), b1 = b0, b2 = b0, b3 = b0;
  for (int64_t t = 0; t < pass.tap_count; ++t) {
    const ListPlace list = pass.lists[output * pass.step + pass.taps[t]];
    const float* const values = pass.values + list.begin;
    const uint16_t* const offsets = pass.offsets + list.begin;
    const float* const weights = pass.weights + t * pass.tap_weights + first;
    for (int64_t i = 0; i < list.groups * kGroup<float>; i += 2) {
      const float* const a = weights + offsets[i];
      const float* const b = weights + offsets[i + 1];
      const auto x = hn::Set(floats, values[i]), y = hn::Set(floats, values[i + 1]);
      a0 = hn::MulAdd(x, hn::Load(floats, a), a0);
      a1 = hn::MulAdd(x, hn::Load(floats, a + lanes), a1);
      a2 = hn::MulAdd(x, hn::Load(floats, a + 2 * lanes), a2);
      a3 = hn::MulAdd(x, hn::Load(floats, a + 3 * lanes), a3);
      b0 = hn::MulAdd(y, hn::Load(floats, b), b0);
      b1 = hn::MulAdd(y, hn::Load(floats, b + lanes), b1);
      b2 = hn::MulAdd(y, hn::Load(floats, b + 2 * lanes), b2);
      b3 = hn::MulAdd(y, hn::Load(floats, b + 3 * lanes), b3);
    }
  }
  hn::Store(hn::Add(a0, b0), floats, sums);
  hn::Store(hn::Add(a1, b1), floats, sums + lanes);
  hn::Store(hn::Add(a2, b2), floats, sums + 2 * lanes);
  hn::Store(hn::Add(a3, b3), floats, sums + 3 * lanes);
}

HWY_ATTR void run_floats(const FloatPass& pass) {
  const int64_t step = kHeld * static_cast<int64_t>(hn::Lanes(Floats()));
  for (int64_t o = 0; o < pass.outputs; ++o) {
    ask(pass, o);
    for (int64_t first = 0; first < kBlock; first += step) add_floats(pass, o, first);
  }
}

}  // namespace deltahop::sparse_blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop::sparse_blocks {
HWY_EXPORT(run_words);
HWY_EXPORT(order_words);
HWY_EXPORT(run_floats);

namespace {

template <class T>
void list_plainly(const ListRow<T>& row) {
  const T* values[kChunk<uint8_t> / kBlock + 1];
  for (int64_t s = 0; s < row.source_count; ++s) values[s] = row.sources[s].values;
  uint32_t end = row.begin;
  for (int64_t column = 0; column < row.columns; ++column) {
    const uint32_t begin = end;
    for (int64_t s = 0; s < row.source_count; ++s) {
      const ListSource<T>& source = row.sources[s];
      const uint64_t bitmap = source.bitmaps[column];
      const T* from = values[s] + std::popcount(bitmap & ((source.mask & -source.mask) - 1));
      for (uint64_t rest = bitmap & source.mask; rest != 0; rest &= rest - 1, ++end) {
        row.values[end] = *from++;
        row.offsets[end] = static_cast<uint16_t>((source.channel + std::countr_zero(rest)) * kBlock);
      }
      values[s] += std::popcount(bitmap);
    }
    for (; (end - begin) % kGroup<T> != 0; ++end) {
      row.values[end] = T{0};
      row.offsets[end] = 0;
    }
    row.places[column] = {begin, static_cast<uint32_t>((end - begin) / kGroup<T>)};
  }
}

template <class T>
void unpack_plainly(const Unpacking<T>& row) {
  const T* values = row.values;
  for (int64_t column = 0; column < row.columns; ++column) {
    T* const to = row.to + column * row.stride;
    std::fill(to, to + row.channels, T{0});
    for (uint64_t rest = row.bitmaps[column]; rest != 0; rest &= rest - 1)
      to[std::countr_zero(rest)] = *values++;
  }
}

}  // namespace

void run(const Pass<uint8_t, int16_t, int32_t>& pass) { HWY_DYNAMIC_DISPATCH(run_words)(pass); }
void run(const Pass<float, float, float>& pass) { HWY_DYNAMIC_DISPATCH(run_floats)(pass); }
void word_order(int64_t (&places)[kBlock]) { HWY_DYNAMIC_DISPATCH(order_words)(places); }

void unpack(const Unpacking<uint8_t>& row) { unpack_plainly(row); }
void unpack(const Unpacking<float>& row) { unpack_plainly(row); }

void list(const ListRow<uint8_t>& row) { list_plainly(row); }
void list(const ListRow<float>& row) { list_plainly(row); }

}  // namespace deltahop::sparse_blocks
#endif  // HWY_ONCE
