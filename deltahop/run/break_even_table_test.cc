// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/break_even_table.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace deltahop {
namespace {

BreakEvenTable two_entries() {
  BreakEvenTable table;
  table.set("u8 t1 a", {1.25e-4, {{0.0, 2e-4}, {0.5, 1.25e-4}, {0.99, 1.0 / 3e5}}});
  table.set("f32 t2 b", {3e-3, {}});
  return table;
}

TEST(BreakEvenTable, ComesBackFromItsTextToTheLastBit) {
  const BreakEvenTable table = two_entries();
  const BreakEvenTable again = BreakEvenTable::parse(table.text(), "cache");
  EXPECT_EQ(again.text(), table.text());
  ASSERT_NE(again.find("u8 t1 a"), nullptr);
  EXPECT_EQ(again.find("u8 t1 a")->points[2].sparse_s, 1.0 / 3e5);
  EXPECT_EQ(again.find("u8 t1 a")->break_even(), table.find("u8 t1 a")->break_even());
  EXPECT_EQ(again.find("u8 t1 c"), nullptr);
}

TEST(BreakEvenTable, OtherProcessorsMeasurementsAreKeptAndNotUsed) {
  const std::string text = "deltahop break-even 5\nprocessor another\nu8 t1 a: dense 1 | 0.5 2\n";
  BreakEvenTable table = BreakEvenTable::parse(text, "cache");
  EXPECT_EQ(table.find("u8 t1 a"), nullptr);
  EXPECT_EQ(table.text(), text);
}

TEST(BreakEvenTable, OfAnotherVersionIsEmpty) {
  EXPECT_EQ(BreakEvenTable::parse("deltahop break-even 1\nwhatever", "cache").size(), 0u);
}

TEST(BreakEvenTable, WhatItWouldNotWriteIsRefusedWithItsLine) {
  const std::string front = "deltahop break-even 5\nprocessor p\n";
  for (const char* line :
       {"", "u8", "u8: dense", "u8: dense 0", "u8: dense -1", "u8: dense nan", "u8: dense 1e300",
        "u8: dense 1 |", "u8: dense 1 | 0.5", "u8: dense 1 | 2 1", "u8: dense 1 | 0.5 1 | 0.5 1",
        "u8: dense 1 | 0.5 1x", ": dense 1", "a|b: dense 1", "processor "}) {
    try {
      BreakEvenTable::parse(front + line + "\n", "cache");
      ADD_FAILURE() << line;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("cache:3"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(BreakEvenTable::parse(front + "a: dense 1\na: dense 1\n", "cache"), Error);
  EXPECT_THROW(BreakEvenTable::parse("something else", "cache"), Error);
}

TEST(BreakEvenTable, LiesWhereTheUsersCacheIs) {
  const char* const home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  ::setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(break_even_file(), "/somewhere/deltahop/break_even.txt");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  ::setenv("HOME", "/home/me", 1);
  EXPECT_EQ(break_even_file(), "/home/me/.cache/deltahop/break_even.txt");
  ::unsetenv("XDG_CACHE_HOME");
  ::setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace deltahop
