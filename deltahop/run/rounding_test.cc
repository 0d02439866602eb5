// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/rounding.h"

#include <gtest/gtest.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

constexpr Rounding kRoundings[] = {Rounding::floor, Rounding::toward_zero, Rounding::half_up,
                                   Rounding::half_away, Rounding::half_even};

TEST(Rounding, FastShiftEqualsTheRuleForEveryRoundingAndShift) {
  Random random(1);
  for (const Rounding rounding : kRoundings) {
    for (const Overflow overflow : {Overflow::saturate, Overflow::wrap}) {
      for (int shift = -6; shift <= 50; ++shift) {
        const CodeRule rule{{static_cast<int>(random.integer(2, 16)), 4, true}, rounding, overflow};
        Accumulators sums{Tensor(DataType::int64, {64}), 4 + shift};
        for (int64_t& sum : sums.sums.values<int64_t>()) {
          // Half of them are exact ties or next to one.
          const int64_t half = shift > 0 && shift < 40 ? int64_t{1} << (shift - 1) : 1;
          const int64_t near_tie =
              random.integer(-70000, 70000) * 2 * half + half * random.integer(-1, 1) + random.integer(-1, 1);
          const int64_t huge = random.integer(-(int64_t{1} << 52), int64_t{1} << 52);
          sum = shift <= 0 ? random.integer(-2000, 2000) : shift < 40 ? near_tie : huge;
        }
        int64_t outside = 0, expected_outside = 0;
        const Tensor codes = codes_of(sums, rule, 2, &outside);
        for (int64_t i = 0; i < 64; ++i) {
          const int64_t exact =
              shift_rounded(sums.sums.values<int64_t>()[static_cast<size_t>(i)], shift, rounding);
          expected_outside += exact < rule.format.lowest() || exact > rule.format.highest() ? 1 : 0;
          ASSERT_EQ(codes.values<int16_t>()[static_cast<size_t>(i)], fit(exact, rule.format, overflow))
              << name_of(rounding) << " by " << shift;
        }
        EXPECT_EQ(outside, expected_outside);
      }
    }
  }
}

TEST(Rounding, QuotientsAreRoundedOnce) {
  // 7/9 of a step: two roundings (7/9 -> 1 -> 0.5 -> 0 or 1) would not give the nearest.
  const CodeRule rule{{16, 0, true}, Rounding::half_even, Overflow::saturate};
  bool outside = false;
  EXPECT_EQ(code_of(8, 9, 1, rule, &outside), 0);     // 0.444
  EXPECT_EQ(code_of(10, 9, 1, rule, &outside), 1);    // 0.556
  EXPECT_EQ(code_of(9, 9, 1, rule, &outside), 0);     // 0.5, to even
  EXPECT_EQ(code_of(-27, 9, 1, rule, &outside), -2);  // -1.5, to even
  EXPECT_EQ(code_of(5, 2, -3, rule, &outside), 20);
  EXPECT_FALSE(outside);
}

TEST(Rounding, SumsMovedBeyond64BitsSaturateWithTheirSign) {
  const CodeRule rule{{16, 60, true}, Rounding::floor, Overflow::saturate};
  bool outside = false;
  EXPECT_EQ(code_of(int64_t{1} << 40, 1, -60, rule, &outside), 32767);
  EXPECT_TRUE(outside);
  EXPECT_EQ(code_of(-(int64_t{1} << 40), 1, -60, rule, &outside), -32768);
  EXPECT_TRUE(outside);
  EXPECT_EQ(code_of(0, 1, -100, rule, &outside), 0);
  EXPECT_FALSE(outside);
}

TEST(Rounding, AlignmentKeepsEqualFormatsAndRoundsOthers) {
  int64_t outside = 0;
  const Tensor codes = Tensor::of<int16_t>({4}, {3, -3, 32767, 1});
  const CodeRule rule{{16, 7, true}, Rounding::half_up, Overflow::saturate};
  EXPECT_FALSE(aligned(codes, {16, 7, true}, rule, &outside).has_value());
  EXPECT_EQ(*aligned(codes, {16, 8, true}, rule, &outside), Tensor::of<int16_t>({4}, {2, -1, 16384, 1}));
  EXPECT_EQ(outside, 0);
  EXPECT_EQ(*aligned(codes, {16, 6, true}, rule, &outside), Tensor::of<int16_t>({4}, {6, -6, 32767, 2}));
  EXPECT_EQ(outside, 1);
}

}  // namespace
}  // namespace deltahop
