// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/fixed_point.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr std::array<std::string_view, 5> kRoundingNames = {"floor", "toward_zero", "half_up", "half_away",
                                                            "half_even"};
constexpr std::array<std::string_view, 2> kOverflowNames = {"saturate", "wrap"};
constexpr int kMostFractionBits = 64;

template <class Enum, size_t count>
Enum parse_name(std::string_view name, const std::array<std::string_view, count>& names,
                std::string_view what) {
  for (size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  throw Error("", fmt::format("'{}' is no {}", name, what), suggest(name, {names.begin(), names.end()}));
}

double rounded(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::floor:
      return std::floor(value);
    case Rounding::toward_zero:
      return std::trunc(value);
    case Rounding::half_up: {
      const double below = std::floor(value);  // value + 0.5 would itself be rounded
      return value - below >= 0.5 ? below + 1 : below;
    }
    case Rounding::half_away:
      return std::round(value);
    case Rounding::half_even:
      return std::nearbyint(value);
  }
  return value;
}

}  // namespace

double FixedFormat::step() const { return std::ldexp(1.0, -fraction_bits); }

std::string to_text(FixedFormat format) {
  return fmt::format("{}{}.{}", format.is_signed ? "Q" : "UQ", format.total_bits - format.fraction_bits,
                     format.fraction_bits);
}

FixedFormat parse_fixed_format(std::string_view text) {
  const auto fail = [&]() -> FixedFormat {
    throw Error("", fmt::format("'{}' is no number format", text),
                "write Qm.n with m + n from 2 to 16, for example Q8.8");
  };
  FixedFormat format;
  std::string_view rest = text;
  format.is_signed = !rest.starts_with('U');
  if (!format.is_signed) rest.remove_prefix(1);
  if (!rest.starts_with('Q')) return fail();
  rest.remove_prefix(1);
  int integer_bits = 0;
  const auto [dot, first] = std::from_chars(rest.data(), rest.data() + rest.size(), integer_bits);
  if (first != std::errc{} || dot == rest.data() + rest.size() || *dot != '.') return fail();
  const auto [end, second] = std::from_chars(dot + 1, rest.data() + rest.size(), format.fraction_bits);
  if (second != std::errc{} || end != rest.data() + rest.size()) return fail();
  if (std::abs(integer_bits) > kMostFractionBits || std::abs(format.fraction_bits) > kMostFractionBits)
    return fail();
  format.total_bits = integer_bits + format.fraction_bits;
  if (format.total_bits < (format.is_signed ? 2 : 1) || format.total_bits > 16) return fail();
  return format;
}

std::string_view name_of(Rounding rounding) { return kRoundingNames.at(static_cast<size_t>(rounding)); }
std::string_view name_of(Overflow overflow) { return kOverflowNames.at(static_cast<size_t>(overflow)); }
Rounding parse_rounding(std::string_view name) {
  return parse_name<Rounding>(name, kRoundingNames, "rounding");
}
Overflow parse_overflow(std::string_view name) {
  return parse_name<Overflow>(name, kOverflowNames, "overflow rule");
}

namespace {

// What is cut off, measured against one half of what one more would be.
enum class Cut { nothing, below_half, half, above_half };

// `quotient` is rounded down already; `is_negative` tells of the exact value.
int64_t round_from_floor(int64_t quotient, Cut cut, bool is_negative, Rounding rounding) {
  if (cut == Cut::nothing) return quotient;
  switch (rounding) {
    case Rounding::floor:
      return quotient;
    case Rounding::toward_zero:
      return quotient + (is_negative ? 1 : 0);
    case Rounding::half_up:
      return quotient + (cut >= Cut::half ? 1 : 0);
    case Rounding::half_away:
      return quotient + (cut == Cut::above_half || (cut == Cut::half && !is_negative) ? 1 : 0);
    case Rounding::half_even:
      return quotient + (cut == Cut::above_half || (cut == Cut::half && (quotient & 1) != 0) ? 1 : 0);
  }
  return quotient;
}

}  // namespace

int64_t divide_rounded(int64_t numerator, int64_t denominator, Rounding rounding) {
  DELTAHOP_CHECK(denominator > 0);
  int64_t quotient = numerator / denominator;
  int64_t remainder = numerator % denominator;
  if (remainder < 0) {  // floor division: remainder in [0, denominator)
    --quotient;
    remainder += denominator;
  }
  const int64_t missing = denominator - remainder;
  const Cut cut = remainder == 0        ? Cut::nothing
                  : remainder < missing ? Cut::below_half
                  : remainder > missing ? Cut::above_half
                                        : Cut::half;
  return round_from_floor(quotient, cut, numerator < 0, rounding);
}

int64_t shift_rounded(int64_t value, int shift, Rounding rounding) {
  if (shift <= -64) return 0;  // nothing else fits
  if (shift <= 0) return static_cast<int64_t>(static_cast<uint64_t>(value) << -shift);
  const int64_t quotient = value >> std::min(shift, 63);
  if (rounding == Rounding::floor) return quotient;
  Cut cut = Cut::nothing;
  if (shift > 64) {  // less than a quarter is left of any value; counted up from -1 that is more than a half
    if (value != 0) cut = value < 0 ? Cut::above_half : Cut::below_half;
  } else {
    const uint64_t half = uint64_t{1} << (shift - 1);
    const uint64_t rest = static_cast<uint64_t>(value) & (half | (half - 1));
    if (rest != 0) cut = rest < half ? Cut::below_half : rest > half ? Cut::above_half : Cut::half;
  }
  return round_from_floor(quotient, cut, value < 0, rounding);
}

int64_t fit(int64_t value, FixedFormat format, Overflow overflow) {
  if (overflow == Overflow::saturate) return std::clamp(value, format.lowest(), format.highest());
  const int unused = 64 - format.total_bits;
  const uint64_t shifted = static_cast<uint64_t>(value) << unused;
  return format.is_signed ? static_cast<int64_t>(shifted) >> unused : static_cast<int64_t>(shifted >> unused);
}

int64_t quantized(double value, FixedFormat format, Rounding rounding) {
  if (std::isnan(value))
    throw Error("", "a value is not a number (NaN) and has no fixed-point code",
                "look at the network's weights and input");
  const double scaled = rounded(std::ldexp(value, format.fraction_bits), rounding);
  return static_cast<int64_t>(
      std::clamp(scaled, static_cast<double>(format.lowest()), static_cast<double>(format.highest())));
}

Tensor quantized(const Tensor& values, FixedFormat format, Rounding rounding, int64_t* clipped) {
  DELTAHOP_CHECK(format.total_bits <= (format.is_signed ? 16 : 15));
  const Tensor floats = values.converted(DataType::float32);
  Tensor codes(DataType::int16, values.shape());
  const auto in = floats.values<float>();
  const auto out = codes.values<int16_t>();
  const double scale = std::ldexp(1.0, format.fraction_bits);
  const double low = static_cast<double>(format.lowest());
  const double high = static_cast<double>(format.highest());
  int64_t outside = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const double code = rounded(static_cast<double>(in[i]) * scale, rounding);
    if (std::isnan(code)) return quantized(code, format, rounding), codes;  // throws
    outside += code < low || code > high ? 1 : 0;
    out[i] = static_cast<int16_t>(std::clamp(code, low, high));
  }
  if (clipped != nullptr) *clipped += outside;
  return codes;
}

Tensor dequantized(const Tensor& codes, FixedFormat format) {
  Tensor values(DataType::float32, codes.shape());
  const auto in = codes.values<int16_t>();
  const auto out = values.values<float>();
  const float step = static_cast<float>(format.step());
  std::transform(in.begin(), in.end(), out.begin(),
                 [step](int16_t code) { return static_cast<float>(code) * step; });
  return values;
}

FixedFormat format_for_range(double largest_magnitude, int total_bits) {
  FixedFormat format{total_bits, total_bits - 1, true};
  if (!(largest_magnitude > 0) || !std::isfinite(largest_magnitude)) return format;
  // largest <= (2^(bits-1) - 1) * 2^-fraction; from the exponents one is off by one at most
  const auto holds = [&](int fraction_bits) {
    return largest_magnitude <= std::ldexp(static_cast<double>(format.highest()), -fraction_bits);
  };
  format.fraction_bits = std::ilogb(static_cast<double>(format.highest())) - std::ilogb(largest_magnitude);
  while (!holds(format.fraction_bits)) --format.fraction_bits;
  while (holds(format.fraction_bits + 1)) ++format.fraction_bits;
  format.fraction_bits = std::clamp(format.fraction_bits, -kMostFractionBits, kMostFractionBits);
  return format;
}

}  // namespace deltahop
