// SPDX-License-Identifier: Apache-2.0
// The exact 16-bit convolution against the plain loop nest, bit by bit, on every instruction set of this
// machine.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/base/sanitized_testing.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

constexpr int16_t kLowest = std::numeric_limits<int16_t>::min();
constexpr int16_t kHighest = std::numeric_limits<int16_t>::max();

// How large numbers are decides how long the 32-bit pieces get.
enum class Numbers { small, any, extreme, all_lowest, not_negative };

std::vector<int16_t> random_codes(Random& random, int64_t count, Numbers numbers) {
  std::vector<int16_t> codes(static_cast<size_t>(count));
  for (int16_t& code : codes) {
    switch (numbers) {
      case Numbers::small:
        code = static_cast<int16_t>(random.integer(-200, 200));
        break;
      case Numbers::any:
        code = static_cast<int16_t>(random.integer(kLowest, kHighest));
        break;
      case Numbers::extreme:
        code = random.chance(0.1) ? int16_t{0} : random.chance(0.5) ? kLowest : kHighest;
        break;
      case Numbers::all_lowest:
        code = kLowest;
        break;
      case Numbers::not_negative:
        code = static_cast<int16_t>(random.integer(0, kHighest));
        break;
    }
  }
  return codes;
}

Numbers random_numbers(Random& random) { return static_cast<Numbers>(random.integer(0, 4)); }

int64_t out_size(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape shape;
  shape.batch = random.integer(1, 3);
  shape.groups = random.chance(0.3) ? random.integer(2, 5) : 1;
  shape.in_channels = shape.groups * random.integer(1, random.chance(0.2) ? 40 : 6);
  shape.out_channels = shape.groups * random.integer(1, random.chance(0.2) ? 40 : 6);
  if (random.chance(0.2)) shape.groups = shape.in_channels = shape.out_channels = random.integer(1, 40);
  shape.kernel_rows = random.integer(1, 4);
  shape.kernel_columns = random.integer(1, 4);
  shape.stride_rows = random.integer(1, 3);
  shape.stride_columns = random.integer(1, 3);
  shape.dilation_rows = random.integer(1, 2);
  shape.dilation_columns = random.integer(1, 2);
  shape.pad_top = random.integer(0, 3);
  shape.pad_left = random.integer(0, 3);
  shape.in_rows = random.integer(7, 10);
  shape.in_columns = random.integer(7, 14);
  const int64_t more_rows = random.integer(0, 3), more_columns = random.integer(0, 3);
  shape.out_rows = out_size(shape.in_rows, shape.kernel_rows, shape.stride_rows, shape.dilation_rows,
                            shape.pad_top + more_rows);
  shape.out_columns = out_size(shape.in_columns, shape.kernel_columns, shape.stride_columns,
                               shape.dilation_columns, shape.pad_left + more_columns);
  return shape;
}

ConvolutionShape random_matrix_product(Random& random) {
  ConvolutionShape shape;
  shape.batch = random.integer(1, 12);
  shape.in_channels = random.integer(1, 90);
  shape.out_channels = random.integer(1, 60);
  shape.in_rows = shape.kernel_rows = random.integer(1, 3);
  shape.in_columns = shape.kernel_columns = random.integer(1, 3);
  return shape;
}

::testing::AssertionResult equals_reference(const ConvolutionShape& shape, Random& random) {
  const auto input = random_codes(random, shape.batch * shape.in_channels * shape.in_rows * shape.in_columns,
                                  random_numbers(random));
  const auto weights = random_codes(random, shape.out_channels * shape.kernel_size(), random_numbers(random));
  std::vector<int64_t> bias(random.chance(0.5) ? static_cast<size_t>(shape.out_channels) : 0);
  for (int64_t& value : bias) value = random.integer(-(int64_t{1} << 40), int64_t{1} << 40);
  const size_t outputs =
      static_cast<size_t>(shape.batch * shape.out_channels * shape.out_rows * shape.out_columns);
  std::vector<int64_t> output(outputs, -1), expected(outputs, -2);
  convolve(shape, input, weights, bias, output, static_cast<int>(random.integer(1, 3)));
  convolve_reference<int16_t, int64_t>(shape, input, weights, bias, expected);
  for (size_t i = 0; i < outputs; ++i) {
    if (output[i] != expected[i]) {
      return ::testing::AssertionFailure()
             << "output " << i << " is " << output[i] << ", the loop nest says " << expected[i];
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(Conv2dInt16, EqualsTheLoopNestOnRandomShapes) {
  on_every_target([] {
    Random random(1);
    for (int trial = 0; trial < random_cases(2000); ++trial)
      ASSERT_TRUE(equals_reference(random_shape(random), random)) << "trial " << trial;
  });
}

TEST(Conv2dInt16, EqualsTheLoopNestOnMatrixProducts) {
  on_every_target([] {
    Random random(2);
    for (int trial = 0; trial < random_cases(1000); ++trial)
      ASSERT_TRUE(equals_reference(random_matrix_product(random), random)) << "trial " << trial;
  });
}

// The longest sums, all products of the largest size and one sign: any wrap in 32 bits would show.
TEST(Conv2dInt16, LargestSumsDoNotWrap) {
  on_every_target([] {
    ConvolutionShape shape;
    shape.in_channels = 512;
    shape.out_channels = 17;
    shape.in_rows = shape.in_columns = shape.kernel_rows = shape.kernel_columns = 3;
    shape.pad_top = shape.pad_left = 1;
    shape.out_rows = shape.out_columns = 3;
    const std::vector<int16_t> input(512 * 9, kLowest);
    for (const int16_t weight : {kLowest, kHighest}) {
      const std::vector<int16_t> weights(17 * 512 * 9, weight);
      std::vector<int64_t> output(17 * 9);
      convolve(shape, input, weights, {}, output, 1);
      EXPECT_EQ(output[4], int64_t{512} * 9 * kLowest * weight);  // the middle sees all nine positions
      EXPECT_EQ(output[0], int64_t{512} * 4 * kLowest * weight);
    }
  });
}

// A piece is cut where the proof ends: sums that reach exactly the last number of 32 bits and the first one
// beyond.
TEST(Conv2dInt16, SumsAtTheEdgeOf32BitsAreExact) {
  on_every_target([] {
    for (const int16_t input_value : {int16_t{1}, int16_t{2}, int16_t{3}, int16_t{32767}, int16_t{-32768}}) {
      ConvolutionShape shape;
      shape.in_channels = 70000;
      shape.out_channels = 2;
      shape.in_columns = shape.out_columns = 2;
      const std::vector<int16_t> input(140000, input_value);
      std::vector<int16_t> weights(70000, kHighest);
      weights.resize(140000, kLowest);
      std::vector<int64_t> output(4);
      convolve(shape, input, weights, {}, output, 1);
      EXPECT_EQ(output[1], int64_t{70000} * input_value * kHighest);
      EXPECT_EQ(output[3], int64_t{70000} * input_value * kLowest);
    }
  });
}

}  // namespace
}  // namespace deltahop
