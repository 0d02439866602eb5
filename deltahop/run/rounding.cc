// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/rounding.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "deltahop/base/parallel.h"

namespace deltahop {
namespace {

constexpr int64_t kSmallestPiece = 1 << 14;

// value * 2^-shift for 1 <= shift <= 48, where adding half a step cannot leave 64 bits.
template <Rounding rounding>
inline int64_t shifted(int64_t value, int shift) {
  const int64_t half = int64_t{1} << (shift - 1);
  const int64_t negative = static_cast<int64_t>(static_cast<uint64_t>(value) >> 63);
  if constexpr (rounding == Rounding::floor) return value >> shift;
  if constexpr (rounding == Rounding::toward_zero) return (value + (-negative & (2 * half - 1))) >> shift;
  if constexpr (rounding == Rounding::half_up) return (value + half) >> shift;
  if constexpr (rounding == Rounding::half_away) return (value + half - negative) >> shift;
  return (value + half - 1 + ((value >> shift) & 1)) >> shift;  // half_even
}

template <Rounding rounding>
int64_t shift_all(std::span<const int64_t> sums, int shift, const CodeRule& rule, int16_t* codes) {
  const int64_t low = rule.format.lowest(), high = rule.format.highest();
  const bool saturates = rule.overflow == Overflow::saturate;
  int64_t outside = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    const int64_t code = shifted<rounding>(sums[i], shift);
    const bool beyond = code < low || code > high;
    outside += beyond ? 1 : 0;
    codes[i] = static_cast<int16_t>(saturates ? std::clamp(code, low, high)
                                    : beyond  ? fit(code, rule.format, rule.overflow)
                                              : code);
  }
  return outside;
}

// A shift by a constant in this range covers every layer that multiplies.
bool is_plain_shift(int64_t divisor, int shift) { return divisor == 1 && shift >= 1 && shift <= 48; }

int64_t shift_all(std::span<const int64_t> sums, int shift, const CodeRule& rule, int16_t* codes) {
  switch (rule.rounding) {
    case Rounding::floor:
      return shift_all<Rounding::floor>(sums, shift, rule, codes);
    case Rounding::toward_zero:
      return shift_all<Rounding::toward_zero>(sums, shift, rule, codes);
    case Rounding::half_up:
      return shift_all<Rounding::half_up>(sums, shift, rule, codes);
    case Rounding::half_away:
      return shift_all<Rounding::half_away>(sums, shift, rule, codes);
    case Rounding::half_even:
      return shift_all<Rounding::half_even>(sums, shift, rule, codes);
  }
  check_failed("rounding", __FILE__, __LINE__);
}

// value * 2^bits, held at the ends of 64 bits with its sign.
int64_t multiplied(int64_t value, int bits, bool* beyond) {
  const int shift = std::min(bits, 62);
  const int64_t limit = std::numeric_limits<int64_t>::max() >> shift;
  *beyond = value != 0 && (bits > 62 || value > limit || value < -limit);
  if (*beyond) return value > 0 ? std::numeric_limits<int64_t>::max() : -std::numeric_limits<int64_t>::max();
  return value * (int64_t{1} << shift);
}

}  // namespace

int16_t code_of(int64_t sum, int64_t divisor, int shift, const CodeRule& rule, bool* outside) {
  int64_t code = 0;
  bool beyond = false;
  if (shift < 0) {
    const int64_t scaled = multiplied(sum, -shift, &beyond);
    // Modulo 2^16 nothing is left of a number moved that far; rounding a quotient of such numbers has no
    // meaning.
    if (beyond && rule.overflow == Overflow::wrap) {
      *outside = true;
      const uint64_t bits = -shift < 64 ? static_cast<uint64_t>(sum) << -shift : 0;
      return static_cast<int16_t>(fit(divide_rounded(static_cast<int64_t>(bits), divisor, rule.rounding),
                                      rule.format, rule.overflow));
    }
    code = divide_rounded(scaled, divisor, rule.rounding);
  } else if (divisor == 1) {
    code = shift_rounded(sum, shift, rule.rounding);
  } else {
    bool too_small = false;
    const int64_t scale = multiplied(divisor, shift, &too_small);
    code = divide_rounded(sum, scale, rule.rounding);
  }
  beyond = beyond || code < rule.format.lowest() || code > rule.format.highest();
  *outside = beyond;
  return static_cast<int16_t>(fit(code, rule.format, rule.overflow));
}

Tensor codes_of(const Accumulators& accumulators, const CodeRule& rule, int threads, int64_t* outside) {
  Tensor codes(DataType::int16, accumulators.sums.shape());
  const std::span<const int64_t> sums = accumulators.sums.values<int64_t>();
  const std::span<int16_t> out = codes.values<int16_t>();
  const int shift = accumulators.fraction_bits - rule.format.fraction_bits;
  std::atomic<int64_t> count = 0;
  parallel_for(
      threads, accumulators.sums.size(),
      [&](int64_t begin, int64_t end) {
        const auto first = static_cast<size_t>(begin), size = static_cast<size_t>(end - begin);
        if (is_plain_shift(accumulators.divisor, shift)) {
          count += shift_all(sums.subspan(first, size), shift, rule, out.data() + begin);
          return;
        }
        int64_t here = 0;
        for (size_t i = first; i < first + size; ++i) {
          bool beyond = false;
          out[i] = code_of(sums[i], accumulators.divisor, shift, rule, &beyond);
          here += beyond ? 1 : 0;
        }
        count += here;
      },
      kSmallestPiece);
  *outside += count;
  return codes;
}

std::optional<Tensor> aligned(const Tensor& codes, FixedFormat from, const CodeRule& to, int64_t* outside) {
  if (from == to.format) return std::nullopt;
  Tensor result(DataType::int16, codes.shape());
  const auto in = codes.values<int16_t>();
  const auto out = result.values<int16_t>();
  for (size_t i = 0; i < in.size(); ++i) {
    bool beyond = false;
    out[i] = code_of(in[i], 1, from.fraction_bits - to.format.fraction_bits, to, &beyond);
    *outside += beyond ? 1 : 0;
  }
  return result;
}

}  // namespace deltahop
