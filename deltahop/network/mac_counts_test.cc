// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/mac_counts.h"

#include <gtest/gtest.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

Tensor random_codes(Random& random, int64_t count, double density) {
  Tensor tensor(DataType::int16, {count});
  for (int16_t& code : tensor.values<int16_t>())
    code = random.chance(density) ? static_cast<int16_t>(random.integer(1, 9)) : int16_t{0};
  return tensor;
}

// The definition: walk every product and look at both factors.
MacCounts by_walking(const ConvolutionShape& s, const Tensor& input, const Tensor& weights) {
  MacCounts counts;
  const auto in = input.values<int16_t>();
  const auto w = weights.values<int16_t>();
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t k = 0; k < s.out_channels; ++k)
      for (int64_t p = 0; p < s.out_rows; ++p)
        for (int64_t q = 0; q < s.out_columns; ++q)
          for (int64_t c = 0; c < s.in_channels_per_group(); ++c)
            for (int64_t r = 0; r < s.kernel_rows; ++r)
              for (int64_t t = 0; t < s.kernel_columns; ++t) {
                ++counts.dense;
                const int64_t y = p * s.stride_rows - s.pad_top + r * s.dilation_rows;
                const int64_t x = q * s.stride_columns - s.pad_left + t * s.dilation_columns;
                if (y < 0 || x < 0 || y >= s.in_rows || x >= s.in_columns) continue;
                ++counts.inside;
                const int64_t channel = k / s.out_channels_per_group() * s.in_channels_per_group() + c;
                if (in[static_cast<size_t>(((n * s.in_channels + channel) * s.in_rows + y) * s.in_columns +
                                           x)] == 0)
                  continue;
                ++counts.nonzero_input;
                counts.nonzero +=
                    w[static_cast<size_t>(
                        ((k * s.in_channels_per_group() + c) * s.kernel_rows + r) * s.kernel_columns + t)] !=
                            0
                        ? 1
                        : 0;
              }
  return counts;
}

TEST(MacCounter, EqualsAWalkOverEveryProduct) {
  Random random(1);
  for (int trial = 0; trial < 400; ++trial) {
    ConvolutionShape s;
    s.batch = random.integer(1, 2);
    s.groups = random.integer(1, 3);
    s.in_channels = s.groups * random.integer(1, 3);
    s.out_channels = s.groups * random.integer(1, 3);
    s.kernel_rows = random.integer(1, 4);
    s.kernel_columns = random.integer(1, 4);
    s.stride_rows = random.integer(1, 3);
    s.stride_columns = random.integer(1, 3);
    s.dilation_rows = random.integer(1, 2);
    s.dilation_columns = random.integer(1, 2);
    s.pad_top = random.integer(0, 4);
    s.pad_left = random.integer(0, 4);
    s.in_rows = random.integer(1, 9);
    s.in_columns = random.integer(1, 9);
    s.out_rows = random.integer(1, 7);
    s.out_columns = random.integer(1, 7);
    const Tensor input =
        random_codes(random, s.batch * s.in_channels * s.in_rows * s.in_columns, random.uniform());
    const Tensor weights = random_codes(random, s.out_channels * s.kernel_size(), random.uniform());
    const MacCounts expected = by_walking(s, input, weights);
    const MacCounts counted = MacCounter(s, &weights).count(input);
    ASSERT_EQ(counted.dense, expected.dense);
    ASSERT_EQ(counted.inside, expected.inside);
    ASSERT_EQ(counted.nonzero_input, expected.nonzero_input);
    ASSERT_EQ(counted.nonzero, expected.nonzero);
    ASSERT_EQ(MacCounter(s, nullptr).count(input).nonzero, expected.nonzero_input)
        << "without weights none is zero";
  }
}

}  // namespace
}  // namespace deltahop
