// SPDX-License-Identifier: Apache-2.0
// Layers of two or more inputs that are joined element by element.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

template <class T>
std::vector<T> joined(const std::string& name, const std::vector<T>& a, const std::vector<T>& b) {
  const Tensor left = Tensor::of<T>({static_cast<int64_t>(a.size())}, a),
               right = Tensor::of<T>({static_cast<int64_t>(b.size())}, b);
  return list_of<T>(run_layer(name, {}, {&left, &right})[0]);
}

TEST(Arithmetic, FloatsFollowTheirOperator) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    const Shape full = random_shape(random, 4, 4);
    const Tensor a = random_tensor(random, random_part(random, full)),
                 b = random_tensor(random, random_part(random, full));
    const Tensor sum = run_layer("Add", {}, {&a, &b})[0], difference = run_layer("Sub", {}, {&a, &b})[0];
    const Tensor product = run_layer("Mul", {}, {&a, &b})[0], quotient = run_layer("Div", {}, {&a, &b})[0];
    const Tensor most = run_layer("Max", {}, {&a, &b})[0], least = run_layer("Min", {}, {&a, &b})[0];
    for_each_index(sum.shape(), [&](const Index& index) {
      const float x = stretched_at<float>(a, index), y = stretched_at<float>(b, index);
      ASSERT_EQ(at<float>(sum, index), x + y);
      ASSERT_EQ(at<float>(difference, index), x - y);
      ASSERT_EQ(at<float>(product, index), x * y);
      ASSERT_EQ(at<float>(quotient, index), x / y);
      ASSERT_EQ(at<float>(most, index), std::fmax(x, y));
      ASSERT_EQ(at<float>(least, index), std::fmin(x, y));
    });
  }
}

TEST(Arithmetic, IntegersWrapAround) {
  EXPECT_EQ(joined<int8_t>("Add", {100, -100}, {100, -100}), (std::vector<int8_t>{-56, 56}));
  EXPECT_EQ(joined<uint8_t>("Sub", {1}, {2}), (std::vector<uint8_t>{255}));
  EXPECT_EQ(joined<uint16_t>("Mul", {65535}, {65535}), (std::vector<uint16_t>{1}));
  const int64_t lowest = std::numeric_limits<int64_t>::lowest();
  EXPECT_EQ(joined<int64_t>("Mul", {lowest}, {-1}), (std::vector<int64_t>{lowest}));
}

TEST(Arithmetic, IntegerDivisionTruncatesAndNeverTraps) {
  EXPECT_EQ(joined<int32_t>("Div", {7, -7, 7, -7}, {2, 2, -2, -2}), (std::vector<int32_t>{3, -3, -3, 3}));
  const int32_t lowest = std::numeric_limits<int32_t>::lowest();
  EXPECT_EQ(joined<int32_t>("Div", {lowest}, {-1}), (std::vector<int32_t>{lowest}));
  EXPECT_THROW(joined<int32_t>("Div", {1}, {0}), Error);
}

TEST(Arithmetic, TypesMustAgree) {
  const Tensor a = Tensor::scalar(1.0f), b = Tensor::scalar(int32_t{1});
  EXPECT_THROW(run_layer("Add", {}, {&a, &b}), Error);
  EXPECT_THROW(run_layer("Max", {}, {&a, &b}), Error);
}

TEST(Arithmetic, UpToOpset6BMayStandAtAnAxis) {
  const Tensor a = counting_tensor({2, 3, 4, 5}), b = Tensor::of<float>({3}, {100, 200, 300});
  const Attributes attributes = {{"broadcast", int64_t{1}}, {"axis", int64_t{1}}};
  const Tensor sum = run_layer("Add", attributes, {&a, &b}, 1, 6)[0];
  for_each_index(a.shape(), [&](const Index& index) {
    ASSERT_EQ(at<float>(sum, index), at<float>(a, index) + 100.0f * static_cast<float>(index[1] + 1));
  });
  EXPECT_THROW(run_layer("Add", {{"broadcast", int64_t{1}}, {"axis", int64_t{4}}}, {&a, &b}, 1, 6), Error);
  const Tensor long_b = counting_tensor({5, 6});
  EXPECT_THROW(run_layer("Add", {{"broadcast", int64_t{1}}, {"axis", int64_t{3}}}, {&a, &long_b}, 1, 6),
               Error);
}

TEST(PRelu, UpToOpset6HasASlopeAChannel) {
  const Tensor x = Tensor::of<float>({1, 2, 2}, {-1, 1, -1, 1}), slope = Tensor::of<float>({2}, {2, 3});
  EXPECT_EQ(list_of<float>(run_layer("PRelu", {}, {&x, &slope}, 1, 6)[0]),
            (std::vector<float>{-2, 1, -3, 1}));
  EXPECT_EQ(list_of<float>(run_layer("PRelu", {}, {&x, &slope}, 1, 9)[0]),
            (std::vector<float>{-2, 1, -2, 1}));
  EXPECT_THROW(run_layer("PRelu", {}, {&slope, &x}), Error);  // the slope may not stretch x
}

// value = code * 2^-fraction: the sums must say exactly what the real numbers say.
TEST(Arithmetic, SumsOfCodesAreExactAtTheFinerScale) {
  Random random(3);
  for (const char* name : {"Add", "Sub", "Mul", "Sum", "Mean"}) {
    for (int round = 0; round < 40; ++round) {
      const Shape full = random_shape(random, 3, 4);
      const Tensor a = random_codes<int16_t>(random, random_part(random, full), -32768, 32767);
      const Tensor b = random_codes<int16_t>(random, random_part(random, full), -32768, 32767);
      const int fraction_a = static_cast<int>(random.integer(-3, 12)),
                fraction_b = static_cast<int>(random.integer(-3, 12));
      const IntegerValue values[] = {{&a, fraction_a}, {&b, fraction_b}};
      const auto result = made_layer(name, {}, 2)->accumulate(values, {});
      ASSERT_TRUE(result.has_value());
      for_each_index(result->sums.shape(), [&](const Index& index) {
        const double x = std::ldexp(stretched_at<int16_t>(a, index), -fraction_a);
        const double y = std::ldexp(stretched_at<int16_t>(b, index), -fraction_b);
        const std::string rule = name;
        const double expected = rule == "Sub" ? x - y : rule == "Mul" ? x * y : x + y;
        ASSERT_EQ(std::ldexp(static_cast<double>(at<int64_t>(result->sums, index)), -result->fraction_bits),
                  expected)
            << name;
      });
      EXPECT_EQ(result->divisor, std::string(name) == "Mean" ? 2 : 1);
    }
  }
}

TEST(Arithmetic, SumsThatMightWrapHaveNoIntegerRule) {
  const Tensor a = Tensor::of<int16_t>({1}, {1}), large = Tensor::of<int64_t>({1}, {int64_t{1} << 60});
  const IntegerValue far_apart[] = {{&a, 0}, {&a, 60}}, too_large[] = {{&a, 0}, {&large, 0}};
  EXPECT_FALSE(made_layer("Add", {}, 2)->accumulate(far_apart, {}).has_value());
  EXPECT_FALSE(made_layer("Add", {}, 2)->accumulate(too_large, {}).has_value());
  EXPECT_FALSE(made_layer("Mul", {}, 2)->accumulate(too_large, {}).has_value());
  EXPECT_FALSE(made_layer("Div", {}, 2)->accumulate(too_large, {}).has_value());
}

TEST(Pow, TypesMayBeMixed) {
  const Tensor base = Tensor::of<float>({3}, {1, 2, 3}), exponents = Tensor::of<int64_t>({3}, {4, 5, 6});
  EXPECT_EQ(list_of<float>(run_layer("Pow", {}, {&base, &exponents})[0]), (std::vector<float>{1, 32, 729}));
  const Tensor whole = Tensor::of<int32_t>({3}, {1, 2, 9}), real = Tensor::of<float>({3}, {4, 5, 0.5f});
  EXPECT_EQ(list_of<int32_t>(run_layer("Pow", {}, {&whole, &real})[0]), (std::vector<int32_t>{1, 32, 3}));
}

TEST(Pow, IntegersAreExactBeyondDoubles) {
  EXPECT_EQ(joined<int64_t>("Pow", {3, -3, 2, 7}, {39, 3, 63, 0}),
            (std::vector<int64_t>{4052555153018976267, -27, std::numeric_limits<int64_t>::lowest(), 1}));
  EXPECT_EQ(joined<int64_t>("Pow", {2, 1, -1}, {-1, -9, -3}), (std::vector<int64_t>{0, 1, -1}));
  EXPECT_THROW(joined<int64_t>("Pow", {0}, {-1}), Error);
}

TEST(Pow, AScalarExponentIsStretched) {
  const Tensor base = Tensor::of<float>({3}, {-1.5f, 2, 9}), two = Tensor::scalar(2.0f),
               half = Tensor::scalar(0.5f);
  EXPECT_EQ(list_of<float>(run_layer("Pow", {}, {&base, &two})[0]), (std::vector<float>{2.25f, 4, 81}));
  EXPECT_EQ(run_layer("Pow", {}, {&base, &half})[0].values<float>()[2], 3.0f);
}

TEST(Variadic, AnyNumberOfInputsIsJoined) {
  const Tensor a = Tensor::of<float>({2, 1}, {1, 2}), b = Tensor::of<float>({2}, {10, 20}),
               c = Tensor::scalar(6.0f);
  EXPECT_EQ(list_of<float>(run_layer("Sum", {}, {&a, &b, &c})[0]), (std::vector<float>{17, 27, 18, 28}));
  EXPECT_EQ(list_of<float>(run_layer("Mean", {}, {&b, &c})[0]), (std::vector<float>{8, 13}));
  EXPECT_EQ(list_of<float>(run_layer("Max", {}, {&a, &b, &c})[0]), (std::vector<float>{10, 20, 10, 20}));
  EXPECT_EQ(list_of<float>(run_layer("Min", {}, {&a, &b, &c})[0]), (std::vector<float>{1, 1, 2, 2}));
  EXPECT_EQ(list_of<float>(run_layer("Sum", {}, {&b})[0]), (std::vector<float>{10, 20}));
  EXPECT_THROW(run_layer("Sum", {}, {}), Error);
  EXPECT_THROW(run_layer("Sum", {}, {&a, nullptr}), Error);
}

TEST(Variadic, NanWins) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const char* name : {"Min", "Max"}) {
    const auto result = joined<float>(name, {nan, 1}, {1, nan});
    EXPECT_TRUE(std::isnan(result[0]) && std::isnan(result[1])) << name;
  }
}

TEST(Variadic, TheLargestOfCodesIsACode) {
  EXPECT_TRUE(made_layer("Max", {}, 2)->keeps_codes());
  EXPECT_FALSE(made_layer("Sum", {}, 2)->keeps_codes());
}

TEST(Equal, ComparesAnyType) {
  const Tensor a = Tensor::of<int64_t>({2, 1}, {1, 2}), b = Tensor::of<int64_t>({2}, {1, 2});
  const Tensor equal = run_layer("Equal", {}, {&a, &b})[0];
  EXPECT_EQ(std::vector<bool>(equal.values<bool>().begin(), equal.values<bool>().end()),
            (std::vector<bool>{true, false, false, true}));
  const Tensor yes = Tensor::scalar(true), no = Tensor::scalar(false);
  EXPECT_FALSE(run_layer("Equal", {}, {&yes, &no})[0].values<bool>()[0]);
  const Tensor half = Tensor::scalar(0.5f).converted(DataType::float16);
  EXPECT_TRUE(run_layer("Equal", {}, {&half, &half})[0].values<bool>()[0]);
}

}  // namespace
}  // namespace deltahop
