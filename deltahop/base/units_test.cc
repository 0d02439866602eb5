// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/units.h"

#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

TEST(Units, ArithmeticKeepsTheUnit) {
  EXPECT_EQ((Cycles(3) + Cycles(4)).number(), 7);
  EXPECT_EQ((Bits(8) * 3 - Bits(4)).number(), 20);
  EXPECT_DOUBLE_EQ(Picojoules(3.0) / Picojoules(2.0), 1.5);
  EXPECT_LT(Seconds(1.0), Seconds(2.0));
  EXPECT_DOUBLE_EQ((Cycles(60) / Hertz(60e6)).number(), 1e-6);
  EXPECT_DOUBLE_EQ((Picojoules(1e6) / Seconds(1e-3)).number(), 1e-3);  // 1 uJ in 1 ms
  EXPECT_DOUBLE_EQ(bytes_of(Bits(12)), 1.5);
}

TEST(Units, PrefixesAreReadExactly) {
  EXPECT_EQ(parse_quantity<Hertz>("60 MHz").number(), 60e6);
  EXPECT_EQ(parse_quantity<Hertz>("0.5 GHz").number(), 0.5e9);
  EXPECT_EQ(parse_quantity<Hertz>("32768 Hz").number(), 32768);
  EXPECT_DOUBLE_EQ(parse_quantity<Picojoules>("1.2 pJ").number(), 1.2);
  EXPECT_DOUBLE_EQ(parse_quantity<Picojoules>("0.05 nJ").number(), 50);
  EXPECT_DOUBLE_EQ(parse_quantity<Picojoules>("300 fJ").number(), 0.3);
  EXPECT_DOUBLE_EQ(parse_quantity<Seconds>("0.5 ms").number(), 0.5e-3);
  EXPECT_DOUBLE_EQ(parse_quantity<Watts>("155 mW").number(), 0.155);
  EXPECT_DOUBLE_EQ(parse_quantity<SquareMillimetres>("6.3 mm2").number(), 6.3);
  EXPECT_DOUBLE_EQ(parse_quantity<SquareMillimetres>("250 um2").number(), 250e-6);
  EXPECT_EQ(parse_quantity<Bits>("64 KiB").number(), 64 * 1024 * 8);
  EXPECT_EQ(parse_quantity<Bits>("1.5 kB").number(), 12000);
  EXPECT_EQ(parse_quantity<Bits>("16 bit").number(), 16);
  EXPECT_EQ(parse_quantity<Bits>("2 Mibit").number(), 2 * 1024 * 1024);
  EXPECT_EQ(parse_quantity<Cycles>("1234 cycles").number(), 1234);
  EXPECT_EQ(parse_quantity<Cycles>("  1 cycle ").number(), 1);
}

template <class Q>
std::string fault_of(std::string_view text) {
  try {
    parse_quantity<Q>(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Units, AMissingOrWrongUnitIsNamed) {
  EXPECT_EQ(fault_of<Hertz>("60"), "'60' has no unit; write for example '10 Hz'");
  EXPECT_EQ(fault_of<Hertz>("60 MJ"), "'MJ' is not a unit of Hz; write for example '10 Hz'");
  EXPECT_EQ(fault_of<Picojoules>("fast"), "'fast' is not a number with a unit; write for example '10 pJ'");
  for (const char* text : {"", "MHz", "60 XHz", "60 MHz MHz", "inf Hz", "nan Hz", "1e999 Hz", "60MHzz"})
    EXPECT_NE(fault_of<Hertz>(text), "") << text;
  for (const char* text : {"1.5 cycles", "3 kcycles", "1e30 cycles", "3 s"})
    EXPECT_NE(fault_of<Cycles>(text), "") << text;
  for (const char* text : {"0.3 bit", "1 b", "4 KHz"}) EXPECT_NE(fault_of<Bits>(text), "") << text;
  for (const char* text : {"1 Kis", "5 mm2", "3 B"}) EXPECT_NE(fault_of<Seconds>(text), "") << text;
}

TEST(Units, TextHasThreeDigitsAndAFittingPrefix) {
  EXPECT_EQ(to_text(Bits(4200 * 8)), "4.20 kB");
  EXPECT_EQ(to_text(Seconds(535e-6)), "535 us");
  EXPECT_EQ(to_text(Picojoules(1.55e9)), "1.55 mJ");
  EXPECT_EQ(to_text(Hertz(60e6)), "60.0 MHz");
  EXPECT_EQ(to_text(Watts(0.155)), "155 mW");
  EXPECT_EQ(to_text(SquareMillimetres(6.3)), "6.3 mm2");
  EXPECT_EQ(to_text(Cycles(66900)), "66.9 k cycles");
  EXPECT_EQ(to_text(Cycles(7)), "7 cycles");
  EXPECT_EQ(to_text(Seconds(0)), "0 s");
  EXPECT_EQ(to_text(Seconds(-2e-3)), "-2.00 ms");
}

TEST(Units, RoundingUpMovesToTheNextPrefix) {
  EXPECT_EQ(to_text(Seconds(0.9996)), "1.00 s");
  EXPECT_EQ(to_text(Seconds(0.9994)), "999 ms");
  EXPECT_EQ(to_text(Seconds(9.996)), "10.0 s");
  EXPECT_EQ(to_text(Seconds(99.96)), "100 s");
}

TEST(Units, CountsAreShortAndExactWhereTheyCan) {
  EXPECT_EQ(count_text(724e6), "724 M");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1.00 k");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(0.25), "0.25");
  EXPECT_EQ(count_text(15.47e9), "15.5 G");
}

}  // namespace
}  // namespace deltahop
