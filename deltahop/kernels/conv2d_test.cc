// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/conv2d.h"

#include <gtest/gtest.h>

#include <vector>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

std::vector<float> random_floats(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

int64_t out_size(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape shape;
  shape.batch = random.integer(1, 2);
  shape.groups = random.chance(0.3) ? random.integer(2, 4) : 1;
  const bool depthwise = random.chance(0.2);
  shape.in_channels = shape.groups * (depthwise ? 1 : random.integer(1, 20));
  shape.out_channels = shape.groups * (depthwise ? 1 : random.integer(1, 20));
  shape.kernel_rows = random.integer(1, 5);
  shape.kernel_columns = random.integer(1, 5);
  shape.stride_rows = random.integer(1, 3);
  shape.stride_columns = random.integer(1, 3);
  shape.dilation_rows = random.integer(1, 2);
  shape.dilation_columns = random.integer(1, 2);
  shape.pad_top = random.integer(0, 3);
  shape.pad_left = random.integer(0, 3);
  shape.in_rows = random.integer(9, 16);
  shape.in_columns = random.integer(9, 40);
  shape.out_rows = out_size(shape.in_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows,
                            shape.pad_top + random.integer(0, 2));
  shape.out_columns = out_size(shape.in_columns, shape.kernel_columns, shape.stride_columns,
                               shape.dilation_columns, shape.pad_left + random.integer(0, 2));
  return shape;
}

void expect_equal_to_reference(const ConvolutionShape& shape, Random& random, bool with_bias, int threads) {
  const auto input =
      random_floats(random, shape.batch * shape.in_channels * shape.in_rows * shape.in_columns);
  const auto weights = random_floats(random, shape.out_channels * shape.kernel_size());
  const auto bias = random_floats(random, with_bias ? shape.out_channels : 0);
  const std::vector<double> wide_bias(bias.begin(), bias.end());
  const size_t outputs =
      static_cast<size_t>(shape.batch * shape.out_channels * shape.out_rows * shape.out_columns);
  std::vector<float> output(outputs);
  std::vector<double> expected(outputs);
  convolve(shape, input, weights, bias, output, threads);
  convolve_reference<float, double>(shape, input, weights, wide_bias, expected);
  // A float sum of n products of unit variance is off by a few times sqrt(n) half-ulps.
  const double tolerance = 1e-5 * static_cast<double>(shape.kernel_size());
  for (size_t i = 0; i < outputs; ++i) ASSERT_NEAR(output[i], expected[i], tolerance) << "output " << i;
}

TEST(Conv2d, FloatPathEqualsTheReferenceOnRandomShapes) {
  Random random(20190701);
  for (int trial = 0; trial < 150; ++trial) {
    SCOPED_TRACE(trial);
    expect_equal_to_reference(random_shape(random), random, random.chance(0.5), trial % 3);
  }
}

// Large enough to be worth threads: wide maps and deep ones.
TEST(Conv2d, ManyThreadsGiveWhatTheReferenceGives) {
  Random random(11);
  for (int trial = 0; trial < 24; ++trial) {
    SCOPED_TRACE(trial);
    ConvolutionShape shape = random_shape(random);
    const bool wide_map = random.chance(0.5);
    shape.groups = random.chance(0.3) ? 4 : 1;
    shape.in_channels = shape.groups * (wide_map ? 8 : 96);
    shape.out_channels = shape.groups * (wide_map ? 24 : random.integer(90, 140));
    shape.in_rows = wide_map ? random.integer(60, 90) : random.integer(9, 16);
    shape.in_columns = wide_map ? random.integer(100, 140) : random.integer(9, 16);
    shape.stride_rows = shape.stride_columns = random.integer(1, 2);
    shape.out_rows = out_size(shape.in_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows,
                              shape.pad_top + random.integer(0, 2));
    shape.out_columns = out_size(shape.in_columns, shape.kernel_columns, shape.stride_columns,
                                 shape.dilation_columns, shape.pad_left + random.integer(0, 2));
    expect_equal_to_reference(shape, random, random.chance(0.5), 2 + trial % 5);
  }
}

TEST(Conv2d, KernelThatCoversItsInputEqualsTheReference) {
  Random random(3);
  for (int trial = 0; trial < 20; ++trial) {
    ConvolutionShape shape;
    shape.batch = random.integer(1, 5);
    shape.in_channels = random.integer(1, 70);
    shape.out_channels = random.integer(1, 70);
    shape.in_rows = shape.kernel_rows = random.integer(1, 7);
    shape.in_columns = shape.kernel_columns = random.integer(1, 7);
    expect_equal_to_reference(shape, random, trial % 2 == 0, 2);
  }
}

// By hand: a 2x2 kernel of ones over the 3x3 picture 1..9, padded at the top and left by one.
TEST(Conv2d, ReferenceSumsWindowsWithZerosInThePadding) {
  ConvolutionShape shape;
  shape.in_rows = shape.in_columns = 3;
  shape.kernel_rows = shape.kernel_columns = 2;
  shape.out_rows = shape.out_columns = 3;
  shape.pad_top = shape.pad_left = 1;
  const std::vector<int16_t> input = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<int16_t> weights = {1, 1, 1, 1};
  const std::vector<int64_t> bias = {100};
  std::vector<int64_t> output(9);
  convolve_reference<int16_t, int64_t>(shape, input, weights, bias, output);
  EXPECT_EQ(output, (std::vector<int64_t>{101, 103, 105, 105, 112, 116, 111, 124, 128}));
}

TEST(Conv2d, ReferenceIsLinearInItsInput) {
  Random random(5);
  const ConvolutionShape shape = random_shape(random);
  std::vector<int16_t> input(
      static_cast<size_t>(shape.batch * shape.in_channels * shape.in_rows * shape.in_columns));
  std::vector<int16_t> weights(static_cast<size_t>(shape.out_channels * shape.kernel_size()));
  for (auto& value : input) value = static_cast<int16_t>(random.integer(-1000, 1000));
  for (auto& value : weights) value = static_cast<int16_t>(random.integer(-32768, 32767));
  std::vector<int16_t> threefold = input;
  for (auto& value : threefold) value = static_cast<int16_t>(value * 3);
  std::vector<int64_t> once(
      static_cast<size_t>(shape.batch * shape.out_channels * shape.out_rows * shape.out_columns));
  std::vector<int64_t> thrice(once.size());
  convolve_reference<int16_t, int64_t>(shape, input, weights, {}, once);
  convolve_reference<int16_t, int64_t>(shape, threefold, weights, {}, thrice);
  for (size_t i = 0; i < once.size(); ++i) ASSERT_EQ(thrice[i], 3 * once[i]);
}

TEST(Multiply, EqualsTheTripleLoopForEveryTransposition) {
  Random random(7);
  for (int trial = 0; trial < 60; ++trial) {
    MatrixProduct product{random.integer(1, 20), random.integer(1, 90), random.integer(1, 40), trial % 2 == 1,
                          trial % 4 >= 2};
    if (trial % 3 == 0) product.rows = 1;
    const auto a = random_floats(random, product.rows * product.inner);
    const auto b = random_floats(random, product.inner * product.columns);
    std::vector<float> c(static_cast<size_t>(product.rows * product.columns));
    multiply(product, a, b, c, 2);
    for (int64_t i = 0; i < product.rows; ++i) {
      for (int64_t j = 0; j < product.columns; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < product.inner; ++k) {
          const int64_t at_a = product.transpose_a ? k * product.rows + i : i * product.inner + k;
          const int64_t at_b = product.transpose_b ? j * product.inner + k : k * product.columns + j;
          sum += static_cast<double>(a[static_cast<size_t>(at_a)]) * b[static_cast<size_t>(at_b)];
        }
        ASSERT_NEAR(c[static_cast<size_t>(i * product.columns + j)], sum, 1e-4);
      }
    }
  }
}

// 9 million products: worth two threads.
TEST(Multiply, TwoThreadsGiveWhatOneGives) {
  Random random(8);
  for (int trial = 0; trial < 8; ++trial) {
    const bool tall = trial >= 4;
    const MatrixProduct product{tall ? 3001 : 1, tall ? 100 : 3000, tall ? 30 : 3001, trial % 2 == 1,
                                trial % 4 >= 2};
    const auto a = random_floats(random, product.rows * product.inner);
    const auto b = random_floats(random, product.inner * product.columns);
    std::vector<float> alone(static_cast<size_t>(product.rows * product.columns)), both = alone;
    multiply(product, a, b, alone, 1);
    multiply(product, a, b, both, 2);
    for (size_t i = 0; i < both.size(); ++i) ASSERT_NEAR(both[i], alone[i], 1e-3) << i;
  }
}

TEST(Multiply, EmptyInnerDimensionGivesZeros) {
  std::vector<float> c = {1, 2, 3, 4};
  multiply(2, 0, 2, {}, {}, c, 1);
  EXPECT_EQ(c, (std::vector<float>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace deltahop
