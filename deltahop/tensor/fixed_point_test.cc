// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

constexpr Rounding kRoundings[] = {Rounding::floor, Rounding::toward_zero, Rounding::half_up,
                                   Rounding::half_away, Rounding::half_even};

// True where q is what the rule makes of the rational number n / d: by the definition of the rule, in wide
// integers.
bool is_rounded(__int128 q, __int128 n, __int128 d, Rounding rounding) {
  const __int128 error = q * d - n;  // times d
  const __int128 twice = 2 * (error < 0 ? -error : error);
  switch (rounding) {
    case Rounding::floor:
      return error <= 0 && -error < d;
    case Rounding::toward_zero:
      return n >= 0 ? error <= 0 && -error < d : error >= 0 && error < d;
    case Rounding::half_up:
      return twice < d || (twice == d && error > 0);
    case Rounding::half_away:
      return twice < d || (twice == d && (n > 0) == (error > 0));
    case Rounding::half_even:
      return twice < d || (twice == d && q % 2 == 0);
  }
  return false;
}

TEST(DivideRounded, FollowsItsRuleForEverySmallFraction) {
  for (const Rounding rounding : kRoundings) {
    for (int64_t denominator = 1; denominator <= 12; ++denominator) {
      for (int64_t numerator = -50; numerator <= 50; ++numerator) {
        ASSERT_TRUE(
            is_rounded(divide_rounded(numerator, denominator, rounding), numerator, denominator, rounding))
            << numerator << "/" << denominator << " " << name_of(rounding);
      }
    }
  }
}

TEST(DivideRounded, FollowsItsRuleAtTheEndsOfTheRange) {
  for (const Rounding rounding : kRoundings) {
    for (const int64_t numerator : {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX}) {
      for (const int64_t denominator : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{1} << 62, INT64_MAX}) {
        ASSERT_TRUE(
            is_rounded(divide_rounded(numerator, denominator, rounding), numerator, denominator, rounding))
            << numerator << "/" << denominator << " " << name_of(rounding);
      }
    }
  }
}

TEST(ShiftRounded, IsTheDivisionByAPowerOfTwo) {
  Random random(1);
  for (const Rounding rounding : kRoundings) {
    for (int round = 0; round < 20000; ++round) {
      const int64_t value = static_cast<int64_t>(random.bits()) >> random.integer(0, 63);
      const int shift = static_cast<int>(random.integer(1, 70));
      ASSERT_TRUE(is_rounded(shift_rounded(value, shift, rounding), value, static_cast<__int128>(1) << shift,
                             rounding))
          << value << " >> " << shift << " " << name_of(rounding);
    }
  }
}

TEST(ShiftRounded, FollowsItsRuleForEveryShiftOfTheExtremes) {
  for (const Rounding rounding : kRoundings) {
    for (int shift = 1; shift <= 80; ++shift) {
      for (const int64_t value : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX,
                                  int64_t{1} << 62, -(int64_t{1} << 62)}) {
        ASSERT_TRUE(is_rounded(shift_rounded(value, shift, rounding), value,
                               static_cast<__int128>(1) << shift, rounding))
            << value << " >> " << shift << " " << name_of(rounding);
      }
    }
  }
}

TEST(ShiftRounded, ANegativeShiftMultiplies) {
  EXPECT_EQ(shift_rounded(-3, -4, Rounding::floor), -48);
  EXPECT_EQ(shift_rounded(7, 0, Rounding::half_even), 7);
  EXPECT_EQ(shift_rounded(-1, -63, Rounding::floor), INT64_MIN);
  EXPECT_EQ(shift_rounded(0, -100, Rounding::floor), 0);
}

TEST(Fit, SaturatesOrWraps) {
  const FixedFormat byte{8, 4}, positive{8, 4, false};
  EXPECT_EQ(fit(127, byte, Overflow::saturate), 127);
  EXPECT_EQ(fit(128, byte, Overflow::saturate), 127);
  EXPECT_EQ(fit(-129, byte, Overflow::saturate), -128);
  EXPECT_EQ(fit(-1, positive, Overflow::saturate), 0);
  EXPECT_EQ(fit(300, positive, Overflow::saturate), 255);
  for (int64_t value = -1000; value <= 1000; ++value) {
    EXPECT_EQ(fit(value, byte, Overflow::wrap), static_cast<int8_t>(value));
    EXPECT_EQ(fit(value, positive, Overflow::wrap), static_cast<uint8_t>(value));
  }
}

TEST(FixedFormat, TextsComeBack) {
  for (const char* text : {"Q8.8", "Q1.15", "UQ0.8", "Q2.0", "Q-2.10", "Q20.-8", "UQ1.0", "Q0.2"})
    EXPECT_EQ(to_text(parse_fixed_format(text)), text);
  EXPECT_EQ(parse_fixed_format("Q8.8"), (FixedFormat{16, 8, true}));
  EXPECT_EQ(parse_fixed_format("UQ0.8"), (FixedFormat{8, 8, false}));
  EXPECT_EQ(parse_fixed_format("Q20.-8"), (FixedFormat{12, -8, true}));
}

TEST(FixedFormat, WhatIsNoFormatIsRefused) {
  for (const char* text : {"", "Q", "8.8", "Q8", "Q8.", "Q.8", "Q8.8x", "Q9.8", "Q1.0", "UQ0.0", "Q100.-90",
                           "q8.8", "Q8,8", "Q99999999999.1", "U8.8"}) {
    EXPECT_THROW(parse_fixed_format(text), Error) << text;
  }
}

TEST(FixedFormat, RangesCountTheSign) {
  const FixedFormat q{16, 8}, u{8, 8, false};
  EXPECT_EQ(q.lowest(), -32768);
  EXPECT_EQ(q.highest(), 32767);
  EXPECT_EQ(u.lowest(), 0);
  EXPECT_EQ(u.highest(), 255);
  EXPECT_EQ(q.step(), 1.0 / 256);
  EXPECT_EQ((FixedFormat{8, -2}).step(), 4.0);
}

TEST(FixedFormat, NamesOfRulesComeBack) {
  for (const Rounding rounding : kRoundings) EXPECT_EQ(parse_rounding(name_of(rounding)), rounding);
  for (const Overflow overflow : {Overflow::saturate, Overflow::wrap})
    EXPECT_EQ(parse_overflow(name_of(overflow)), overflow);
  EXPECT_THROW(parse_rounding("half"), Error);
  EXPECT_THROW(parse_overflow(""), Error);
}

TEST(Quantized, RealNumbersFollowTheRule) {
  // Quarters in Q6.2 halve the step: every third value lies exactly between two codes.
  const FixedFormat format{8, 1};
  for (const Rounding rounding : kRoundings) {
    for (int quarters = -200; quarters <= 200; ++quarters) {
      const int64_t code = quantized(quarters / 4.0, format, rounding);
      ASSERT_TRUE(is_rounded(code, quarters, 2, rounding)) << quarters << " quarters, " << name_of(rounding);
    }
  }
}

TEST(Quantized, ValuesJustBelowAHalfAreNotRoundedUp) {
  const FixedFormat whole{16, 0};
  const double below = std::nextafter(0.5, 0.0);
  for (const Rounding rounding : kRoundings) {
    EXPECT_EQ(quantized(below, whole, rounding), 0) << name_of(rounding);
    EXPECT_EQ(quantized(-below, whole, rounding), rounding == Rounding::floor ? -1 : 0) << name_of(rounding);
  }
}

TEST(Quantized, SaturatesAndRefusesNan) {
  const FixedFormat format{16, 8};
  EXPECT_EQ(quantized(1e30, format, Rounding::half_even), 32767);
  EXPECT_EQ(quantized(-std::numeric_limits<double>::infinity(), format, Rounding::half_even), -32768);
  EXPECT_THROW(quantized(std::nan(""), format, Rounding::half_even), Error);
  EXPECT_THROW(quantized(Tensor::of<float>({1}, {std::nanf("")}), format, Rounding::half_even), Error);
}

TEST(Quantized, TensorsAgreeWithSingleNumbers) {
  Random random(2);
  for (const Rounding rounding : kRoundings) {
    for (const FixedFormat format : {FixedFormat{16, 8}, FixedFormat{8, 4}, FixedFormat{4, -1},
                                     FixedFormat{15, 10, false}, FixedFormat{16, 40}}) {
      Tensor values(DataType::float32, {500});
      for (float& value : values.values<float>())
        value = static_cast<float>(std::ldexp(std::round(random.normal() * 64), -format.fraction_bits - 2));
      int64_t clipped = 0, outside = 0;
      const Tensor codes = quantized(values, format, rounding, &clipped);
      for (size_t i = 0; i < 500; ++i) {
        const double value = static_cast<double>(values.values<float>()[i]);
        ASSERT_EQ(codes.values<int16_t>()[i], quantized(value, format, rounding));
        const FixedFormat wide{16, format.fraction_bits};
        const int64_t free_code = quantized(value, wide, rounding);
        outside += free_code < format.lowest() || free_code > format.highest() ? 1 : 0;
      }
      EXPECT_EQ(clipped, outside);
    }
  }
}

TEST(Quantized, CodesComeBackThroughReals) {
  for (const FixedFormat format : {FixedFormat{16, 8}, FixedFormat{16, -3}, FixedFormat{8, 20}}) {
    Tensor codes(DataType::int16, {format.highest() - format.lowest() + 1});
    int64_t code = format.lowest();
    for (int16_t& value : codes.values<int16_t>()) value = static_cast<int16_t>(code++);
    EXPECT_EQ(quantized(dequantized(codes, format), format, Rounding::half_even), codes);
  }
}

TEST(FormatForRange, IsTheFinestThatHoldsTheValue) {
  Random random(3);
  for (int round = 0; round < 5000; ++round) {
    const int bits = static_cast<int>(random.integer(2, 16));
    const double largest = std::ldexp(random.uniform(0.5, 1), static_cast<int>(random.integer(-20, 20)));
    const FixedFormat format = format_for_range(largest, bits);
    ASSERT_LE(largest, static_cast<double>(format.highest()) * format.step());
    ASSERT_GT(largest, static_cast<double>(format.highest()) * format.step() / 2);
  }
}

TEST(FormatForRange, ExactLimitsFit) {
  for (int bits = 2; bits <= 16; ++bits) {
    for (int fraction = -20; fraction <= 20; ++fraction) {
      const FixedFormat format{bits, fraction};
      const double limit = static_cast<double>(format.highest()) * format.step();
      EXPECT_EQ(format_for_range(limit, bits), format);
      EXPECT_EQ(format_for_range(std::nextafter(limit, INFINITY), bits).fraction_bits, fraction - 1);
    }
  }
}

TEST(FormatForRange, NothingToHoldStillGivesAFormat) {
  EXPECT_EQ(format_for_range(0, 16).total_bits, 16);
  EXPECT_EQ(format_for_range(std::nan(""), 8).total_bits, 8);
  EXPECT_EQ(format_for_range(1e300, 16).fraction_bits, -64);
  EXPECT_EQ(format_for_range(1e-300, 16).fraction_bits, 64);
}

}  // namespace
}  // namespace deltahop
