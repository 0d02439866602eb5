// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace deltahop {
namespace {

constexpr DataType kTypes[] = {DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16,
                               DataType::int8,    DataType::int16,   DataType::int32,   DataType::int64,
                               DataType::uint8,   DataType::uint16,  DataType::uint32,  DataType::uint64,
                               DataType::boolean};

TEST(Tensor, StartsAtZeroAndAligned) {
  for (const DataType type : kTypes) {
    const Tensor tensor(type, {3, 5});
    EXPECT_EQ(tensor.size(), 15);
    EXPECT_EQ(tensor.bits().number(), 15 * 8 * static_cast<int64_t>(byte_width(type)));
    EXPECT_EQ(count_nonzero(tensor), 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes().data()) % 64, 0u);
  }
}

TEST(Tensor, CopiesAreDeepAndEqual) {
  const Tensor a = Tensor::of<int32_t>({2, 2}, {1, 2, 3, 4});
  Tensor b = a;
  EXPECT_EQ(a, b);
  b.values<int32_t>()[3] = 5;
  EXPECT_FALSE(a == b);
  EXPECT_EQ(a.values<int32_t>()[3], 4);
  b = a;
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a == a.reshaped({4}));
  EXPECT_FALSE(a == a.converted(DataType::uint32));
}

TEST(Tensor, TheWrongElementTypeIsOurFault) {
  const Tensor tensor(DataType::float32, {2});
  EXPECT_THROW(tensor.values<double>(), std::logic_error);
  EXPECT_THROW(tensor.reshaped({3}), std::logic_error);
}

TEST(Tensor, EmptyTensorsAndScalarsAreTensors) {
  EXPECT_EQ(Tensor(DataType::int8, {0, 7}).size(), 0);
  EXPECT_EQ(Tensor::scalar(3.0f).shape(), Shape{});
  EXPECT_EQ(Tensor::scalar(3.0f).size(), 1);
  EXPECT_EQ(Tensor(DataType::int8, {0}), Tensor(DataType::int8, {0}));
}

TEST(Tensor, ShapesThatCannotBeAreRefused) {
  EXPECT_THROW(element_count({2, -1}), Error);
  EXPECT_THROW(element_count({int64_t{1} << 40, 2}), Error);
  EXPECT_THROW(element_count({0, int64_t{1} << 40, 2}), Error);
  EXPECT_THROW(element_count({INT64_MAX, INT64_MAX}), Error);
  EXPECT_EQ(element_count({int64_t{1} << 40}), int64_t{1} << 40);
  EXPECT_EQ(element_count({5, 0, 3}), 0);
  EXPECT_EQ(element_count({}), 1);
}

TEST(Tensor, StridesAreRowMajor) {
  EXPECT_EQ(strides_of({2, 3, 4}), (std::vector<int64_t>{12, 4, 1}));
  EXPECT_EQ(strides_of({}), (std::vector<int64_t>{}));
}

TEST(Tensor, ShapesHaveAText) {
  EXPECT_EQ(to_text(Shape{1, 3, 224, 224}), "1x3x224x224");
  EXPECT_EQ(to_text(Shape{}), "scalar");
}

TEST(Tensor, MovingLeavesTheTargetWithEverything) {
  Tensor a = Tensor::of<float>({2}, {1, 2});
  const Tensor b = std::move(a);
  EXPECT_EQ(b, Tensor::of<float>({2}, {1, 2}));
}

TEST(Conversion, FloatsGoToIntegersTowardsZeroAndSaturate) {
  constexpr float infinity = std::numeric_limits<float>::infinity(),
                  nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor floats =
      Tensor::of<float>({8}, {1.9f, -1.9f, 127.5f, 128.0f, -129.0f, infinity, -infinity, nan});
  const Tensor expected = Tensor::of<int8_t>({8}, {1, -1, 127, 127, -128, 127, -128, 0});
  EXPECT_EQ(floats.converted(DataType::int8), expected);
  const Tensor doubles = Tensor::of<double>({4}, {9.3e18, -9.3e18, 9007199254740993.0, -0.5});
  EXPECT_EQ(doubles.converted(DataType::int64),
            Tensor::of<int64_t>({4}, {INT64_MAX, INT64_MIN, 9007199254740992, 0}));
  EXPECT_EQ(doubles.converted(DataType::uint64),
            Tensor::of<uint64_t>({4}, {9300000000000000000ULL, 0, 9007199254740992, 0}));
}

TEST(Conversion, IntegersKeepTheirLowBits) {
  const Tensor wide = Tensor::of<int32_t>({3}, {-1, 256, 70000});
  EXPECT_EQ(wide.converted(DataType::uint8), Tensor::of<uint8_t>({3}, {255, 0, 112}));
  EXPECT_EQ(wide.converted(DataType::boolean), Tensor::of<bool>({3}, {true, true, true}));
}

TEST(Conversion, EveryTypeHoldsSmallNumbersThereAndBack) {
  const Tensor numbers = Tensor::of<float>({4}, {0, 1, 5, 100});
  for (const DataType type : kTypes) {
    if (type == DataType::boolean) continue;
    for (const DataType other : kTypes) {
      if (other == DataType::boolean) continue;
      EXPECT_EQ(numbers.converted(type).converted(other).converted(DataType::float32), numbers)
          << name_of(type) << " " << name_of(other);
    }
  }
}

TEST(Statistics, LargestMagnitudeAndNonzeros) {
  EXPECT_EQ(largest_magnitude(Tensor::of<int16_t>({3}, {5, -32768, 3})), 32768.0);
  EXPECT_EQ(largest_magnitude(Tensor(DataType::float32, {0})), 0.0);
  EXPECT_TRUE(
      std::isinf(largest_magnitude(Tensor::of<float>({2}, {std::numeric_limits<float>::quiet_NaN(), 1}))));
  EXPECT_EQ(
      count_nonzero(Tensor::of<float>({4}, {0, -0.0f, 1e-30f, std::numeric_limits<float>::quiet_NaN()})), 2);
  EXPECT_EQ(count_nonzero(Tensor::of<float>({2}, {0, 3}).converted(DataType::float16)), 1);
}

// The value of a code by the definition of IEEE 754: sign, 5 bits of exponent, 10 of fraction.
double half_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const double fraction = bits & 1023, sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31)
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

template <class Half>
Half of_bits(uint32_t bits) {
  Half half;
  half.bits = static_cast<uint16_t>(bits);
  return half;
}

TEST(HalfPrecision, EveryFloat16HasItsValueAndComesBack) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const double value = half_value(static_cast<uint16_t>(code));
    const float converted = static_cast<float>(of_bits<Float16>(code));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(converted));
      ASSERT_TRUE(std::isnan(static_cast<float>(Float16(converted))));
    } else {
      ASSERT_EQ(static_cast<double>(converted), value);
      ASSERT_EQ(std::signbit(converted), code >= 0x8000);
      ASSERT_EQ(Float16(converted).bits, code);
    }
  }
}

// Between two neighbours: below the middle to the lower, above to the upper, the middle itself to the even
// one.
template <class Half>
void check_rounding(uint16_t last_finite) {
  for (uint32_t code = 0; code < last_finite; ++code) {
    const float low = static_cast<float>(of_bits<Half>(code)),
                high = static_cast<float>(of_bits<Half>(code + 1));
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
    const float exact = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(exact), middle);  // a float has bits to spare for the middle of two halves
    for (const float sign : {1.0f, -1.0f}) {
      const uint32_t mark = sign < 0 ? 0x8000u : 0u;
      ASSERT_EQ(Half(sign * exact).bits, mark | (code % 2 == 0 ? code : code + 1));
      ASSERT_EQ(Half(sign * std::nextafter(exact, 0.0f)).bits, mark | code);
      ASSERT_EQ(Half(sign * std::nextafter(exact, INFINITY)).bits, mark | (code + 1));
    }
  }
}

TEST(HalfPrecision, Float16RoundsToNearestEven) { check_rounding<Float16>(0x7bff); }
TEST(HalfPrecision, BFloat16RoundsToNearestEven) { check_rounding<BFloat16>(0x7f7f); }

TEST(HalfPrecision, BeyondTheLargestIsInfinity) {
  EXPECT_EQ(Float16(65504.0f).bits, 0x7bff);
  EXPECT_EQ(Float16(65519.99f).bits, 0x7bff);
  EXPECT_EQ(Float16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Float16(-1e30f).bits, 0xfc00);
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
}

TEST(HalfPrecision, EveryBFloat16IsTheUpperHalfOfAFloat) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const float value = static_cast<float>(of_bits<BFloat16>(code));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(static_cast<float>(BFloat16(value))));
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(value), code << 16);
      ASSERT_EQ(BFloat16(value).bits, code);
    }
  }
}

TEST(HalfPrecision, ANanWithLowBitsOnlyStaysANan) {
  const float nan = std::bit_cast<float>(0x7f800001u);
  EXPECT_TRUE(std::isnan(static_cast<float>(Float16(nan))));
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(nan))));
}

}  // namespace
}  // namespace deltahop
