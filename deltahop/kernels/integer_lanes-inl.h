// SPDX-License-Identifier: Apache-2.0
// The vector part of integer_blocks.cc: sums, proofs and dot products in the lanes of one instruction set.
// Included once for each set by Highway's foreach_target.h, after highway.h.
#include <algorithm>
#include <array>
#include <cstring>

#include "deltahop/kernels/integer_blocks.h"

#if defined(DELTAHOP_KERNELS_INTEGER_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DELTAHOP_KERNELS_INTEGER_LANES_INL_H_
#undef DELTAHOP_KERNELS_INTEGER_LANES_INL_H_
#else
#define DELTAHOP_KERNELS_INTEGER_LANES_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace deltahop::integer_blocks::HWY_NAMESPACE {

constexpr int64_t kTile = 6;  // outputs a tile: 6 x 2 sums, 2 weights and an input fill 16 registers

// What a 32-bit sum may keep when its upper half is taken.
constexpr int32_t kLargestRest = 0xffff;

#if HWY_TARGET == HWY_SCALAR

// Machines without vectors: the same functions as plain loops, four out channels a block.
constexpr int64_t kScalarLanes = 4;

inline int64_t block_channels() { return kScalarLanes; }

inline void sum_tile(const std::array<const int16_t*, kTile>& bases, const PackedBlock& block,
                     int64_t* totals) {
  uint32_t sums[kTile][kScalarLanes] = {};
  const int16_t* weights = block.weights.data();
  for (const Run& run : block.runs) {
    for (int64_t e = 0; e < 2 * run.pairs; ++e) {
      const int16_t* const w = weights + e / 2 * 2 * kScalarLanes + e % 2;
      for (int64_t i = 0; i < kTile; ++i) {
        const int32_t x = bases[static_cast<size_t>(i)][run.offset + e];
        for (int64_t k = 0; k < kScalarLanes; ++k) sums[i][k] += static_cast<uint32_t>(x * w[2 * k]);
      }
    }
    weights += 2 * run.pairs * kScalarLanes;
    if (run.end == RunEnd::goes_on) continue;
    for (int64_t i = 0; i < kTile; ++i) {
      for (int64_t k = 0; k < kScalarLanes; ++k) {
        totals[i * kScalarLanes + k] += static_cast<int32_t>(sums[i][k]);
        sums[i][k] = 0;
      }
    }
  }
}

struct Proof {
  int64_t positive[kScalarLanes] = {}, negative[kScalarLanes] = {};
};
inline Proof empty_proof() { return {}; }

inline void add_to_proof(Proof& proof, const int16_t* weights) {
  for (int64_t e = 0; e < 2 * kScalarLanes; ++e) {
    (weights[e] > 0 ? proof.positive : proof.negative)[e / 2] += weights[e];
  }
}

inline bool exceeds(const Proof& proof, int32_t limit, bool one_sided) {
  for (int64_t k = 0; k < kScalarLanes; ++k) {
    const int64_t up = proof.positive[k], down = -proof.negative[k];
    if ((one_sided ? std::max(up, down) : up + down) > limit) return true;
  }
  return false;
}

inline void sum_depthwise(const int16_t* base, const std::vector<int64_t>& offsets, const int16_t* weights,
                          bool, int64_t* totals) {
  for (size_t tap = 0; tap < offsets.size(); ++tap) {
    for (int64_t k = 0; k < kScalarLanes; ++k) {
      totals[k] += int64_t{base[offsets[tap] + k]} * weights[static_cast<int64_t>(tap) * kScalarLanes + k];
    }
  }
}

inline int64_t dot_product(const int16_t* a, const int16_t* b, int64_t count) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += int64_t{a[i]} * b[i];
  return total;
}

#else

namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<int64_t>;
using Sums = hn::Repartition<int32_t, Wide>;
using Codes = hn::Repartition<int16_t, Wide>;
using HalfSums = hn::Half<Sums>;
using SumVector = hn::Vec<Sums>;
using CodeVector = hn::Vec<Codes>;

// Lane i: sum + a[2i] * b[2i] + a[2i+1] * b[2i+1], modulo 2^32.
HWY_INLINE SumVector multiply_add_pairs(CodeVector a, CodeVector b, SumVector sum) {
  const Sums sums;
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
  SumVector unused = hn::Zero(sums);
  return hn::ReorderWidenMulAccumulate(sums, a, b, sum,
                                       unused);  // one instruction, and lanes keep their order
#else
  const auto even = [&](CodeVector v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(sums, v))); };
  const auto odd = [&](CodeVector v) { return hn::ShiftRight<16>(hn::BitCast(sums, v)); };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}

HWY_INLINE void widen_onto(SumVector sum, int64_t* HWY_RESTRICT total) {
  const Wide wide;
  const HalfSums half;
  const size_t lanes = hn::Lanes(wide);
  hn::StoreU(hn::Add(hn::LoadU(wide, total), hn::PromoteTo(wide, hn::LowerHalf(half, sum))), wide, total);
  hn::StoreU(hn::Add(hn::LoadU(wide, total + lanes), hn::PromoteTo(wide, hn::UpperHalf(half, sum))), wide,
             total + lanes);
}

// The upper halves of 32-bit sums go into `high`; what is left lies in [0, 2^16).
HWY_INLINE SumVector move_high(SumVector sum, int32_t* HWY_RESTRICT high) {
  const Sums sums;
  hn::StoreU(hn::Add(hn::LoadU(sums, high), hn::ShiftRight<16>(sum)), sums, high);
  return hn::And(sum, hn::Set(sums, int32_t{kLargestRest}));
}

// Adds high * 2^16 + rest to the totals and clears high.
HWY_INLINE void widen_onto(SumVector rest, int32_t* HWY_RESTRICT high, int64_t* HWY_RESTRICT totals) {
  const Sums sums;
  const Wide wide;
  const HalfSums half;
  const size_t lanes = hn::Lanes(wide);
  const SumVector upper = hn::LoadU(sums, high);
  hn::StoreU(hn::Zero(sums), sums, high);
  const auto low_sum = hn::Add(hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LowerHalf(half, upper))),
                               hn::PromoteTo(wide, hn::LowerHalf(half, rest)));
  const auto high_sum = hn::Add(hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::UpperHalf(half, upper))),
                                hn::PromoteTo(wide, hn::UpperHalf(half, rest)));
  hn::StoreU(hn::Add(hn::LoadU(wide, totals), low_sum), wide, totals);
  hn::StoreU(hn::Add(hn::LoadU(wide, totals + lanes), high_sum), wide, totals + lanes);
}

HWY_INLINE CodeVector broadcast_pair(const int16_t* pair) {
  int32_t bits;
  std::memcpy(&bits, pair, sizeof bits);
  return hn::BitCast(Codes(), hn::Set(Sums(), bits));
}

inline int64_t block_channels() { return static_cast<int64_t>(2 * hn::Lanes(Sums())); }

// totals: [kTile, block] and zero at the start; bases: where each output's inputs begin.
HWY_ATTR inline void sum_tile(const std::array<const int16_t*, kTile>& bases, const PackedBlock& block,
                              int64_t* HWY_RESTRICT totals) {
  const Sums sums;
  const Codes codes;
  const size_t lanes = hn::Lanes(codes);
  const size_t half = hn::Lanes(sums), row = 2 * half;
  HWY_ALIGN int32_t high[kTile * 2 * HWY_MAX_BYTES / sizeof(int32_t)] = {};
  SumVector a0 = hn::Zero(sums), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0;
  SumVector d0 = a0, d1 = a0, e0 = a0, e1 = a0, f0 = a0, f1 = a0;
  const int16_t* HWY_RESTRICT weights = block.weights.data();
  for (const Run& run : block.runs) {
    const int16_t* const xa = bases[0] + run.offset;
    const int16_t* const xb = bases[1] + run.offset;
    const int16_t* const xc = bases[2] + run.offset;
    const int16_t* const xd = bases[3] + run.offset;
    const int16_t* const xe = bases[4] + run.offset;
    const int16_t* const xf = bases[5] + run.offset;
    for (int64_t i = 0; i < 2 * run.pairs; i += 2) {
      const CodeVector w0 = hn::LoadU(codes, weights);
      const CodeVector w1 = hn::LoadU(codes, weights + lanes);
      weights += 2 * lanes;
      CodeVector x = broadcast_pair(xa + i);
      a0 = multiply_add_pairs(x, w0, a0);
      a1 = multiply_add_pairs(x, w1, a1);
      x = broadcast_pair(xb + i);
      b0 = multiply_add_pairs(x, w0, b0);
      b1 = multiply_add_pairs(x, w1, b1);
      x = broadcast_pair(xc + i);
      c0 = multiply_add_pairs(x, w0, c0);
      c1 = multiply_add_pairs(x, w1, c1);
      x = broadcast_pair(xd + i);
      d0 = multiply_add_pairs(x, w0, d0);
      d1 = multiply_add_pairs(x, w1, d1);
      x = broadcast_pair(xe + i);
      e0 = multiply_add_pairs(x, w0, e0);
      e1 = multiply_add_pairs(x, w1, e1);
      x = broadcast_pair(xf + i);
      f0 = multiply_add_pairs(x, w0, f0);
      f1 = multiply_add_pairs(x, w1, f1);
    }
    if (run.end == RunEnd::goes_on) continue;
    a0 = move_high(a0, high), a1 = move_high(a1, high + half);
    b0 = move_high(b0, high + row), b1 = move_high(b1, high + row + half);
    c0 = move_high(c0, high + 2 * row), c1 = move_high(c1, high + 2 * row + half);
    d0 = move_high(d0, high + 3 * row), d1 = move_high(d1, high + 3 * row + half);
    e0 = move_high(e0, high + 4 * row), e1 = move_high(e1, high + 4 * row + half);
    f0 = move_high(f0, high + 5 * row), f1 = move_high(f1, high + 5 * row + half);
    if (run.end == RunEnd::piece) continue;
    widen_onto(a0, high, totals), widen_onto(a1, high + half, totals + half);
    widen_onto(b0, high + row, totals + row), widen_onto(b1, high + row + half, totals + row + half);
    widen_onto(c0, high + 2 * row, totals + 2 * row),
        widen_onto(c1, high + 2 * row + half, totals + 2 * row + half);
    widen_onto(d0, high + 3 * row, totals + 3 * row),
        widen_onto(d1, high + 3 * row + half, totals + 3 * row + half);
    widen_onto(e0, high + 4 * row, totals + 4 * row),
        widen_onto(e1, high + 4 * row + half, totals + 4 * row + half);
    widen_onto(f0, high + 5 * row, totals + 5 * row),
        widen_onto(f1, high + 5 * row + half, totals + 5 * row + half);
    a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = e0 = e1 = f0 = f1 = hn::Zero(sums);
  }
}

// Adds one pair's weights to the running sums of positive and of negative weights of each out channel.
struct Proof {
  SumVector positive[2], negative[2];
};

HWY_INLINE Proof empty_proof() {
  const auto zero = hn::Zero(Sums());
  return {{zero, zero}, {zero, zero}};
}

HWY_INLINE void add_to_proof(Proof& proof, const int16_t* weights) {
  const Codes codes;
  const auto zero = hn::Zero(codes), one = hn::Set(codes, int16_t{1});
  for (size_t half = 0; half < 2; ++half) {
    const CodeVector w = hn::LoadU(codes, weights + half * hn::Lanes(codes));
    proof.positive[half] = multiply_add_pairs(hn::Max(w, zero), one, proof.positive[half]);
    proof.negative[half] = multiply_add_pairs(hn::Min(w, zero), one, proof.negative[half]);
  }
}

// True where some channel's sum may leave 32 bits: limit is the largest sum of weights that may be gathered.
HWY_INLINE bool exceeds(const Proof& proof, int32_t limit, bool one_sided) {
  const Sums sums;
  const auto bound = hn::Set(sums, limit);
  auto largest_of_all = hn::Zero(sums);
  for (size_t half = 0; half < 2; ++half) {
    const auto magnitude = hn::Sub(hn::Zero(sums), proof.negative[half]);
    const auto largest =
        one_sided ? hn::Max(proof.positive[half], magnitude) : hn::Add(proof.positive[half], magnitude);
    largest_of_all = hn::Max(largest_of_all, largest);
  }
  return !hn::AllFalse(sums, hn::Gt(largest_of_all, bound));
}

// weights: [taps, lanes of Codes] of these channels; fits: the whole sum provably stays inside 32 bits.
HWY_ATTR inline void sum_depthwise(const int16_t* base, const std::vector<int64_t>& offsets,
                                   const int16_t* weights, bool fits, int64_t* totals) {
  const Sums sums;
  const Codes codes;
  const hn::Half<Codes> half_codes;
  const size_t lanes = hn::Lanes(sums);
  SumVector low = hn::Zero(sums), high = low;
  for (size_t tap = 0; tap < offsets.size(); ++tap) {
    const CodeVector x = hn::LoadU(codes, base + offsets[tap]);
    const CodeVector w = hn::LoadU(codes, weights + tap * 2 * lanes);
    const auto product = [&](auto x_half, auto w_half) HWY_ATTR {
      return hn::Mul(hn::PromoteTo(sums, x_half), hn::PromoteTo(sums, w_half));
    };
    low = hn::Add(low, product(hn::LowerHalf(half_codes, x), hn::LowerHalf(half_codes, w)));
    high = hn::Add(high, product(hn::UpperHalf(half_codes, x), hn::UpperHalf(half_codes, w)));
    if (fits && tap + 1 < offsets.size()) continue;
    widen_onto(low, totals);
    widen_onto(high, totals + lanes);
    low = high = hn::Zero(sums);
  }
}

// A pair of products fits 32 bits, so that each is widened at once: a matrix-vector product waits for memory
// anyway.
HWY_ATTR inline int64_t dot_product(const int16_t* HWY_RESTRICT a, const int16_t* HWY_RESTRICT b,
                                    int64_t count) {
  const Sums sums;
  const Codes codes;
  const Wide wide;
  const HalfSums half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(codes));
  auto low0 = hn::Zero(wide), high0 = low0, low1 = low0, high1 = low0;
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto p = multiply_add_pairs(hn::LoadU(codes, a + i), hn::LoadU(codes, b + i), hn::Zero(sums));
    const auto q =
        multiply_add_pairs(hn::LoadU(codes, a + i + lanes), hn::LoadU(codes, b + i + lanes), hn::Zero(sums));
    low0 = hn::Add(low0, hn::PromoteTo(wide, hn::LowerHalf(half, p)));
    high0 = hn::Add(high0, hn::PromoteTo(wide, hn::UpperHalf(half, p)));
    low1 = hn::Add(low1, hn::PromoteTo(wide, hn::LowerHalf(half, q)));
    high1 = hn::Add(high1, hn::PromoteTo(wide, hn::UpperHalf(half, q)));
  }
  int64_t total = hn::GetLane(hn::SumOfLanes(wide, hn::Add(hn::Add(low0, high0), hn::Add(low1, high1))));
  for (; i < count; ++i) total += int64_t{a[i]} * b[i];
  return total;
}

#endif  // HWY_SCALAR

}  // namespace deltahop::integer_blocks::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
