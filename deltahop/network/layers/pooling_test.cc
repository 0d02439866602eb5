// SPDX-License-Identifier: Apache-2.0
// MaxPool, AveragePool and the global ones against a loop written from ONNX's definition.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deltahop/network/layer_testing.h"
#include "deltahop/network/pooling.h"

namespace deltahop {
namespace {

struct Case {
  Shape input;
  Integers kernel, strides, dilations, pads;
  bool ceil = false;

  Attributes attributes() const {
    return {{"kernel_shape", kernel},
            {"strides", strides},
            {"dilations", dilations},
            {"pads", pads},
            {"ceil_mode", int64_t{ceil}}};
  }
};

Case random_case(Random& random, size_t rank) {
  Case made;
  made.input = {random.integer(1, 2), random.integer(1, 3)};
  made.pads.resize(2 * rank);
  for (size_t axis = 0; axis < rank; ++axis) {
    made.input.push_back(random.integer(6, 11));
    made.kernel.push_back(random.integer(1, 3));
    made.strides.push_back(random.integer(1, 3));
    made.dilations.push_back(random.integer(1, 2));
    made.pads[axis] = random.integer(0, made.kernel.back() - 1);
    made.pads[rank + axis] = random.integer(0, made.kernel.back() - 1);
  }
  made.ceil = random.chance(0.5);
  return made;
}

// The values of one window, the number of taps in the padding, one output after another.
struct Seen {
  std::vector<double> values;
  int64_t padding = 0;
};

std::vector<Seen> windows(const Case& one, const Tensor& x, const Shape& output) {
  const size_t rank = one.kernel.size();
  const auto in_strides = strides_of(x.shape()), out_strides = strides_of(output),
             taps = strides_of(one.kernel);
  const Tensor wide = x.converted(DataType::float64);
  std::vector<Seen> result(static_cast<size_t>(element_count(output)));
  for (size_t y = 0; y < result.size(); ++y) {
    for (int64_t tap = 0; tap < element_count(one.kernel); ++tap) {
      int64_t at = static_cast<int64_t>(y) / out_strides[1] * in_strides[1];
      bool inside = true, padded = true;
      for (size_t a = 0; a < rank; ++a) {
        const int64_t out = static_cast<int64_t>(y) / out_strides[a + 2] % output[a + 2];
        const int64_t in =
            out * one.strides[a] + tap / taps[a] % one.kernel[a] * one.dilations[a] - one.pads[a];
        inside = inside && in >= 0 && in < x.dim(a + 2);
        padded = padded && in < x.dim(a + 2) + one.pads[rank + a];
        at += in * in_strides[a + 2];
      }
      if (inside)
        result[y].values.push_back(wide.values<double>()[static_cast<size_t>(at)]);
      else if (padded)
        ++result[y].padding;
    }
  }
  return result;
}

TEST(MaxPool, TakesTheLargestOfEveryWindowForAllTypes) {
  Random random(51);
  for (int trial = 0; trial < 120; ++trial) {
    SCOPED_TRACE(trial);
    const Case one = random_case(random, static_cast<size_t>(trial % 3) + 1);
    const Tensor x = trial % 2 == 0 ? random_tensor(random, one.input)
                                    : random_codes<int16_t>(random, one.input, -32768, 32767);
    const Tensor y = run_layer("MaxPool", one.attributes(), {&x})[0];
    ASSERT_EQ(y.type(), x.type());
    const Tensor got = y.converted(DataType::float64);
    const auto expected = windows(one, x, y.shape());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(got.values<double>()[i],
                *std::max_element(expected[i].values.begin(), expected[i].values.end()));
    }
  }
}

TEST(MaxPool, PlacesPointAtTheMaximaInBothStorageOrders) {
  Random random(52);
  const Case one = random_case(random, 2);
  const Tensor x = random_tensor(random, one.input);
  const int64_t rows = x.dim(2), columns = x.dim(3);
  for (const int64_t order : {0, 1}) {
    Attributes attributes = one.attributes();
    attributes.set("storage_order", order);
    const auto outputs = run_layer("MaxPool", attributes, {&x}, 2);
    for (int64_t i = 0; i < outputs[0].size(); ++i) {
      int64_t place = outputs[1].values<int64_t>()[static_cast<size_t>(i)];
      if (order == 1) {
        const int64_t in_plane = place % (rows * columns);
        place += -in_plane + in_plane % rows * columns + in_plane / rows;
      }
      ASSERT_EQ(x.values<float>()[static_cast<size_t>(place)],
                outputs[0].values<float>()[static_cast<size_t>(i)]);
    }
  }
}

TEST(MaxPool, NaNWins) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = Tensor::of<float>({1, 1, 4}, {1, nan, 3, 2});
  const Tensor y = run_layer("MaxPool", {{"kernel_shape", Integers{2}}}, {&x})[0];
  EXPECT_TRUE(std::isnan(y.values<float>()[0]));
  EXPECT_TRUE(std::isnan(y.values<float>()[1]));
  EXPECT_EQ(y.values<float>()[2], 3);
}

TEST(MaxPool, CeilModeAddsNoWindowThatStartsBehindTheInput) {
  const Tensor x = Tensor::of<float>({1, 1, 5}, {1, 2, 3, 4, 5});
  const Attributes two_by_two = {
      {"kernel_shape", Integers{2}}, {"strides", Integers{2}}, {"ceil_mode", int64_t{1}}};
  EXPECT_EQ(list_of<float>(run_layer("MaxPool", two_by_two, {&x})[0]), (std::vector<float>{2, 4, 5}));
  const Attributes one_by_three = {
      {"kernel_shape", Integers{1}}, {"strides", Integers{3}}, {"ceil_mode", int64_t{1}}};
  EXPECT_EQ(list_of<float>(run_layer("MaxPool", one_by_three, {&x})[0]), (std::vector<float>{1, 4}));
}

TEST(AveragePool, DividesByWhatIsInTheWindowWithOrWithoutPadding) {
  Random random(53);
  for (int trial = 0; trial < 120; ++trial) {
    SCOPED_TRACE(trial);
    const Case one = random_case(random, static_cast<size_t>(trial % 3) + 1);
    const bool count_padding = random.chance(0.5);
    const Tensor x = random_tensor(random, one.input);
    Attributes attributes = one.attributes();
    attributes.set("count_include_pad", int64_t{count_padding});
    const Tensor y = run_layer("AveragePool", attributes, {&x}, 1, 19)[0];
    const auto expected = windows(one, x, y.shape());
    for (size_t i = 0; i < expected.size(); ++i) {
      double sum = 0;
      for (const double value : expected[i].values) sum += value;
      const size_t count =
          expected[i].values.size() + (count_padding ? static_cast<size_t>(expected[i].padding) : 0);
      ASSERT_NEAR(y.values<float>()[i], sum / static_cast<double>(count), 1e-5);
    }
  }
}

TEST(AveragePool, AccumulatesExactSumsOverOneDivisor) {
  Random random(54);
  for (int trial = 0; trial < 60; ++trial) {
    SCOPED_TRACE(trial);
    const Case one = random_case(random, 2);
    const bool count_padding = random.chance(0.5);
    Attributes attributes = one.attributes();
    attributes.set("count_include_pad", int64_t{count_padding});
    const Tensor x = random_codes<int16_t>(random, one.input, -32768, 32767);
    const std::vector<IntegerValue> inputs = {{&x, 7}};
    const auto result = made_layer("AveragePool", attributes, 1)->accumulate(inputs, {});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->fraction_bits, 7);
    const auto expected = windows(one, x, result->sums.shape());
    for (size_t i = 0; i < expected.size(); ++i) {
      int64_t sum = 0;
      for (const double value : expected[i].values) sum += static_cast<int64_t>(value);
      const int64_t count =
          static_cast<int64_t>(expected[i].values.size()) + (count_padding ? expected[i].padding : 0);
      ASSERT_EQ(result->sums.values<int64_t>()[i] * count, sum * result->divisor);
    }
  }
}

TEST(GlobalPooling, IsPoolingWithAWindowAsLargeAsTheInput) {
  Random random(55);
  const Tensor x = random_tensor(random, {2, 3, 5, 4});
  const Attributes whole = {{"kernel_shape", Integers{5, 4}}};
  EXPECT_EQ(run_layer("GlobalMaxPool", {}, {&x})[0], run_layer("MaxPool", whole, {&x})[0]);
  EXPECT_EQ(run_layer("GlobalAveragePool", {}, {&x})[0], run_layer("AveragePool", whole, {&x})[0]);
}

TEST(GlobalPooling, AccumulatesTheSumOfEveryPlane) {
  Random random(56);
  const Tensor x = random_codes<int16_t>(random, {1, 2, 7, 7}, -32768, 32767);
  const std::vector<IntegerValue> inputs = {{&x, 4}};
  const auto result = made_layer("GlobalAveragePool", {}, 1)->accumulate(inputs, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->divisor, 49);
  for (size_t plane = 0; plane < 2; ++plane) {
    int64_t sum = 0;
    for (const int16_t code : x.values<int16_t>().subspan(plane * 49, 49)) sum += code;
    EXPECT_EQ(result->sums.values<int64_t>()[plane], sum);
  }
}

TEST(Pooling, RefusesWindowsThatWouldSeeNothing) {
  const Tensor x = Tensor::zeros(DataType::float32, {1, 1, 3});
  EXPECT_THROW(run_layer("MaxPool", {{"kernel_shape", Integers{2}}, {"pads", Integers{2, 0}}}, {&x}), Error);
  EXPECT_THROW(
      run_layer("AveragePool", {{"kernel_shape", Integers{2}}, {"pads", Integers{0, 1 << 20}}}, {&x}), Error);
  EXPECT_THROW(run_layer("MaxPool", {{"kernel_shape", Integers{4}}}, {&x}), Error);
  EXPECT_THROW(
      run_layer("MaxPool",
                {{"kernel_shape", Integers{2}}, {"dilations", Integers{5}}, {"pads", Integers{1, 5}}}, {&x}),
      Error);
  EXPECT_THROW(run_layer("MaxPool", {}, {&x}), Error);
}

}  // namespace
}  // namespace deltahop
