// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/break_even.h"

#include <gtest/gtest.h>

#include <future>

namespace deltahop {
namespace {

TEST(BreakEven, LiesBetweenOneColumnAndOneMoreThanAll) {
  for (const int64_t columns : {1, 2, 40, 300}) {
    const int64_t found = break_even_columns<int8_t, int32_t>(200, columns);
    EXPECT_GE(found, 1);
    EXPECT_LE(found, columns + 1);
  }
}

TEST(BreakEven, IsFoundOnceAndThenTheSame) {
  const int64_t found = break_even_columns<float, float>(100, 100);
  for (int again = 0; again < 50; ++again) EXPECT_EQ((break_even_columns<float, float>(100, 100)), found);
}

TEST(BreakEven, ThreadsGetTheSameAnswer) {
  auto other = std::async(std::launch::async, [] { return break_even_columns<int16_t, int64_t>(120, 50); });
  const int64_t own = break_even_columns<int16_t, int64_t>(120, 50);
  EXPECT_EQ(other.get(), own);
}

TEST(BreakEven, NothingToMultiplyIsNeverDense) {
  EXPECT_EQ((break_even_columns<int8_t, int64_t>(0, 7)), 8);
  EXPECT_EQ((break_even_columns<int8_t, int64_t>(7, 0)), 1);
}

}  // namespace
}  // namespace deltahop
