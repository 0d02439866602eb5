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

using Integers = hn::CappedTag<int32_t, 16>;

// What a rounding adds to a quotient that was rounded down: 0 or -1 (a mask), to be subtracted.
template <Rounding rounding, class V>
HWY_INLINE V rounded_up(V sum, V quotient, V rest, V half) {
  const Integers d;
  const auto above = hn::VecFromMask(d, hn::Gt(rest, half)), at = hn::VecFromMask(d, hn::Eq(rest, half));
  const auto negative = hn::BroadcastSignBit(sum);
  if constexpr (rounding == Rounding::floor) return hn::Zero(d);
  if constexpr (rounding == Rounding::toward_zero) {
    return hn::And(negative, hn::VecFromMask(d, hn::Gt(rest, hn::Zero(d))));
  }
  if constexpr (rounding == Rounding::half_up) return hn::Or(above, at);
  if constexpr (rounding == Rounding::half_away) return hn::Or(above, hn::AndNot(negative, at));
  const auto odd = hn::VecFromMask(d, hn::Eq(hn::And(quotient, hn::Set(d, 1)), hn::Set(d, 1)));
  return hn::Or(above, hn::And(at, odd));
}

template <Rounding rounding>
HWY_ATTR void finish_codes(const int32_t* sums, int64_t pixels, const int32_t* bias, const CodeOutput& rule,
                           uint8_t* codes) {
  const Integers d;
  const hn::Rebind<uint8_t, Integers> bytes;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int right = std::max(rule.shift, 0), left = std::max(-rule.shift, 0);
  const auto most = hn::Set(d, 32767), least = hn::Set(d, -32768);
  const auto low = hn::Set(d, static_cast<int32_t>(rule.format.lowest()));
  const auto high = hn::Set(d, static_cast<int32_t>(rule.format.highest()));
  const auto cut = hn::Set(d, static_cast<int32_t>((int64_t{1} << right) - 1));
  const auto half = hn::Set(d, right > 0 ? int32_t{1} << (right - 1) : 1);  // without a shift the rest is 0
  const bool saturates = rule.overflow == Overflow::saturate;
  const int unused = 32 - rule.format.total_bits;
  for (int64_t i = 0; i < pixels * kBlock; i += lanes) {
    auto sum = hn::Add(hn::Load(d, sums + i), hn::Load(d, bias + i % kBlock));
    auto code = hn::ShiftRightSame(sum, right);
    code = hn::Sub(code, rounded_up<rounding>(sum, code, hn::And(sum, cut), half));
    if (saturates) {
      if (left > 0) code = hn::ShiftLeftSame(hn::Min(hn::Max(code, least), most), left);
      code = hn::Min(hn::Max(code, low), high);
    } else {
      code = hn::ShiftLeftSame(hn::ShiftLeftSame(code, left), unused);
      if (rule.format.is_signed) {
        code = hn::ShiftRightSame(code, unused);
      } else {
        const hn::RebindToUnsigned<Integers> u;
        code = hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(u, code), unused));
      }
    }
    // Where there is no ReLU the format is unsigned: a code is not negative then.
    hn::StoreU(hn::DemoteTo(bytes, hn::Max(code, hn::Zero(d))), bytes, codes + i);
  }
}

// What is stored is never negative, so that a saturating rule may hold the sums within what it stores first:
// then rounding cannot leave 32 bits and is an addition and a shift.
HWY_ATTR void finish_saturating(const int32_t* sums, int64_t pixels, const int32_t* bias,
                                const CodeOutput& rule, uint8_t* codes) {
  const Integers d;
  const hn::Rebind<uint8_t, Integers> bytes;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int32_t half = rule.shift > 0 ? int32_t{1} << (rule.shift - 1) : 0;
  const bool to_even = rule.rounding == Rounding::half_even && half > 0;
  const bool cuts = rule.rounding == Rounding::floor || rule.rounding == Rounding::toward_zero;
  const auto added = hn::Set(d, cuts ? 0 : half - (to_even ? 1 : 0)), odd = hn::Set(d, to_even ? 1 : 0);
  const auto most = hn::Set(d, static_cast<int32_t>(rule.format.highest()) << rule.shift);
  for (int64_t i = 0; i < pixels * kBlock; i += lanes) {
    auto sum = hn::Add(hn::Load(d, sums + i), hn::Load(d, bias + i % kBlock));
    sum = hn::Min(hn::Max(sum, hn::Zero(d)), most);
    const auto tie = hn::And(hn::ShiftRightSame(sum, rule.shift), odd);
    const auto code = hn::ShiftRightSame(hn::Add(hn::Add(sum, added), tie), rule.shift);
    hn::StoreU(hn::DemoteTo(bytes, code), bytes, codes + i);
  }
}

constexpr int kLargestQuickShift = 22;  // 255 << 22, and half a step more, fits 31 bits

void finish_integers(const int32_t* sums, int64_t pixels, const int32_t* bias, const CodeOutput& rule,
                     uint8_t* codes) {
  if (rule.overflow == Overflow::saturate && rule.shift >= 0 && rule.shift <= kLargestQuickShift) {
    return finish_saturating(sums, pixels, bias, rule, codes);
  }
  switch (rule.rounding) {
    case Rounding::floor:
      return finish_codes<Rounding::floor>(sums, pixels, bias, rule, codes);
    case Rounding::toward_zero:
      return finish_codes<Rounding::toward_zero>(sums, pixels, bias, rule, codes);
    case Rounding::half_up:
      return finish_codes<Rounding::half_up>(sums, pixels, bias, rule, codes);
    case Rounding::half_away:
      return finish_codes<Rounding::half_away>(sums, pixels, bias, rule, codes);
    case Rounding::half_even:
      return finish_codes<Rounding::half_even>(sums, pixels, bias, rule, codes);
  }
}

HWY_ATTR void finish_floats(const float* sums, int64_t pixels, const float* bias, bool relu, float* values) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < pixels * kBlock; i += lanes) {
    const auto sum = hn::Add(hn::Load(d, sums + i), hn::Load(d, bias + i % kBlock));
    hn::Store(relu ? hn::Max(sum, hn::Zero(d)) : sum, d, values + i);
  }
}

template <class T>
HWY_ATTR void pool_row(const PoolRow<T>& row) {
  const hn::CappedTag<T, kBlock> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const MaximumPooling& window = *row.pooling;
  T* to = row.to;
  for (int64_t column = 0; column < window.out_columns; ++column, to += kBlock) {
    const int64_t left = column * window.stride_columns - window.pad_left;
    const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + window.columns, row.columns);
    for (int64_t k = 0; k < kBlock; k += lanes) {
      auto best = hn::Load(d, row.rows[0] + begin * kBlock + k);
      for (int64_t y = 0; y < row.row_count; ++y) {
        for (int64_t x = begin; x < end; ++x) best = hn::Max(best, hn::Load(d, row.rows[y] + x * kBlock + k));
      }
      hn::Store(best, d, to + k);
    }
  }
}
void pool_bytes(const PoolRow<uint8_t>& row) { pool_row(row); }
void pool_floats(const PoolRow<float>& row) { pool_row(row); }

// The bits of the 64 values that are not zero.
template <class T>
HWY_INLINE uint64_t bitmap_of(const T* values) {
  const hn::CappedTag<T, kBlock> d;
  const size_t lanes = hn::Lanes(d);
  uint64_t bitmap = 0;
  for (size_t i = 0; i < kBlock; i += lanes) {
    uint8_t bits[8 + 8] = {};  // StoreMaskBits may write eight bytes
    hn::StoreMaskBits(d, hn::Ne(hn::Load(d, values + i), hn::Zero(d)), bits);
    uint64_t part;
    std::memcpy(&part, bits, sizeof part);
    bitmap |= part << i;
  }
  return bitmap;
}

HWY_ATTR void pack_bytes(const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values) {
  for (int64_t column = 0; column < columns; ++column, pixels += kBlock) {
    bitmaps[column] = bitmap_of(pixels);
    for (uint64_t rest = bitmaps[column]; rest != 0; rest &= rest - 1) {
      *values++ = pixels[hwy::Num0BitsBelowLS1Bit_Nonzero64(rest)];
    }
  }
}

HWY_ATTR void pack_floats(const float* pixels, int64_t columns, uint64_t* bitmaps, float* values) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (int64_t column = 0; column < columns; ++column, pixels += kBlock) {
    bitmaps[column] = bitmap_of(pixels);
    for (size_t i = 0; i < kBlock; i += lanes) {
      const auto value = hn::Load(d, pixels + i);
      values += hn::CompressStore(value, hn::Ne(value, hn::Zero(d)), d, values);
    }
  }
}

}  // namespace deltahop::sparse_blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop::sparse_blocks {
HWY_EXPORT(run_words);
HWY_EXPORT(order_words);
HWY_EXPORT(run_floats);
HWY_EXPORT(finish_integers);
HWY_EXPORT(finish_floats);
HWY_EXPORT(pool_bytes);
HWY_EXPORT(pool_floats);
HWY_EXPORT(pack_bytes);
HWY_EXPORT(pack_floats);

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

void finish(const int32_t* sums, int64_t pixels, const int32_t* bias, const CodeOutput& rule,
            uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(finish_integers)(sums, pixels, bias, rule, codes);
}
void finish(const float* sums, int64_t pixels, const float* bias, const FloatOutput& rule, float* values) {
  HWY_DYNAMIC_DISPATCH(finish_floats)(sums, pixels, bias, rule.relu, values);
}

void pool(const PoolRow<uint8_t>& row) { HWY_DYNAMIC_DISPATCH(pool_bytes)(row); }
void pool(const PoolRow<float>& row) { HWY_DYNAMIC_DISPATCH(pool_floats)(row); }

void pack(const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values) {
  HWY_DYNAMIC_DISPATCH(pack_bytes)(pixels, columns, bitmaps, values);
}
void pack(const float* pixels, int64_t columns, uint64_t* bitmaps, float* values) {
  HWY_DYNAMIC_DISPATCH(pack_floats)(pixels, columns, bitmaps, values);
}

void unpack(const Unpacking<uint8_t>& row) { unpack_plainly(row); }
void unpack(const Unpacking<float>& row) { unpack_plainly(row); }

void list(const ListRow<uint8_t>& row) { list_plainly(row); }
void list(const ListRow<float>& row) { list_plainly(row); }

}  // namespace deltahop::sparse_blocks
#endif  // HWY_ONCE
