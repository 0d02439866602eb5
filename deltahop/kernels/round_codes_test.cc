// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/round_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/target_testing.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop {
namespace {

float some_number(Random& random, FixedFormat format) {
  const double step = format.step(), range = std::ldexp(step, format.total_bits - 1);
  switch (random.integer(0, 5)) {
    case 0:
      return static_cast<float>((static_cast<double>(random.integer(-40, 40)) + 0.5) * step);  // ties
    case 1:
      return static_cast<float>(random.chance(0.5) ? range - 0.5 * step
                                                   : -range - 0.5 * step);  // ties at the bounds
    case 2:
      return static_cast<float>(3 * range * random.normal());
    case 3:
      return random.chance(0.5) ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::max();
    case 4:
      return std::numeric_limits<float>::denorm_min();
    default:
      return static_cast<float>(range * random.uniform(-1, 1));
  }
}

TEST(RoundCodes, EqualsTheRuleForEveryWidthAndLength) {
  on_every_target([] {
    Random random(1);
    for (int64_t length = 0; length < 70; ++length) {
      const FixedFormat format{static_cast<int>(random.integer(2, 16)),
                               static_cast<int>(random.integer(-20, 30)), true};
      std::vector<float> values(static_cast<size_t>(length));
      for (float& value : values) value = some_number(random, format);
      std::vector<int16_t> codes(values.size());
      const RoundedCodes result =
          round_codes(values, std::ldexp(1.0f, format.fraction_bits), static_cast<int16_t>(format.lowest()),
                      static_cast<int16_t>(format.highest()), codes);
      int64_t outside = 0;
      const Tensor expected =
          quantized(Tensor::of<float>({length}, values), format, Rounding::half_even, &outside);
      EXPECT_EQ(Tensor::of<int16_t>({length}, codes), expected);
      EXPECT_EQ(result.outside, outside);
      EXPECT_FALSE(result.has_nan);
    }
  });
}

TEST(RoundCodes, SaysThatThereIsNoNumber) {
  on_every_target([] {
    for (size_t at = 0; at < 21; ++at) {
      std::vector<float> values(21, 1.0f);
      values[at] = std::numeric_limits<float>::quiet_NaN();
      std::vector<int16_t> codes(21);
      EXPECT_TRUE(round_codes(values, 1.0f, -128, 127, codes).has_nan) << at;
    }
  });
}

}  // namespace
}  // namespace deltahop
