// SPDX-License-Identifier: Apache-2.0
// The way out of a convolution over compressed maps: sums are rounded to what is stored, pooled and packed.
#include <algorithm>
#include <cstring>

#include "deltahop/kernels/sparse_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/sparse_output.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::sparse_blocks::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
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
HWY_EXPORT(finish_integers);
HWY_EXPORT(finish_floats);
HWY_EXPORT(pool_bytes);
HWY_EXPORT(pool_floats);
HWY_EXPORT(pack_bytes);
HWY_EXPORT(pack_floats);

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

}  // namespace deltahop::sparse_blocks
#endif  // HWY_ONCE
