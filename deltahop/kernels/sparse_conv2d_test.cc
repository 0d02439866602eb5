// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_conv2d.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

struct Case {
  ConvolutionShape shape;
  CodeOutput output;
  MaximumPooling pooling;
  std::vector<uint8_t> input;  // [C, H, W]
  std::vector<int8_t> weights;
  std::vector<int32_t> bias;
  int64_t first_channel = 0;
};

// Outputs along one axis whose window has at least one tap inside or in the padding.
int64_t outputs(int64_t in, int64_t pad, int64_t kernel, int64_t stride, int64_t dilation) {
  return (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
}

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape shape;
  const int64_t kernels[] = {1, 1, 3, 3, 3, 2, 5, 7, 11};
  for (;;) {
    shape.kernel_rows = kernels[random.integer(0, 8)];
    shape.kernel_columns = random.chance(0.8) ? shape.kernel_rows : kernels[random.integer(0, 8)];
    shape.stride_rows = random.chance(0.7) ? 1 : random.integer(1, 4);
    shape.stride_columns = random.chance(0.8) ? shape.stride_rows : random.integer(1, 4);
    shape.dilation_rows = random.chance(0.8) ? 1 : random.integer(1, 3);
    shape.dilation_columns = random.chance(0.8) ? shape.dilation_rows : random.integer(1, 3);
    shape.in_rows = random.integer(1, 14);
    shape.in_columns = random.integer(1, 14);
    const int64_t bottom = random.integer(0, shape.kernel_rows),
                  right = random.integer(0, shape.kernel_columns);
    shape.pad_top = bottom;
    shape.pad_left = right;
    if (shape.in_rows + 2 * shape.pad_top <= (shape.kernel_rows - 1) * shape.dilation_rows) continue;
    if (shape.in_columns + 2 * shape.pad_left <= (shape.kernel_columns - 1) * shape.dilation_columns)
      continue;
    break;
  }
  shape.out_rows =
      outputs(shape.in_rows, shape.pad_top, shape.kernel_rows, shape.stride_rows, shape.dilation_rows);
  shape.out_columns = outputs(shape.in_columns, shape.pad_left, shape.kernel_columns, shape.stride_columns,
                              shape.dilation_columns);
  const auto channels = [&] {
    return random.chance(0.3)   ? 64 * random.integer(1, 3)
           : random.chance(0.1) ? random.integer(200, 600)
                                : random.integer(1, 90);
  };
  shape.in_channels = channels();
  shape.out_channels = channels();
  if (shape.in_channels > 150 && shape.kernel_rows > 3) shape.in_channels = 3;
  if (random.chance(0.25)) {
    shape.groups = random.integer(2, 6);
    shape.in_channels = shape.groups * random.integer(1, 70);
    shape.out_channels = shape.groups * random.integer(1, 70);
  } else if (random.chance(0.15)) {
    shape.groups = shape.in_channels = random.integer(1, 150);
    shape.out_channels = shape.groups * (random.chance(0.7) ? 1 : 2);
  }
  return shape;
}

Case random_case(uint64_t seed) {
  Random random(seed);
  Case one;
  one.shape = random_shape(random);
  const ConvolutionShape& shape = one.shape;
  const double sparsities[] = {0.0, 0.3, 0.5, 0.8, 0.95, 1.0};
  const double sparsity = sparsities[random.integer(0, 5)];
  const int64_t most = random.chance(0.5) ? 255 : 127, largest_weight = random.chance(0.3) ? 128 : 127;
  one.input.resize(static_cast<size_t>(shape.in_channels * shape.in_rows * shape.in_columns));
  for (uint8_t& x : one.input)
    x = random.chance(sparsity) ? 0
                                : static_cast<uint8_t>(random.chance(0.2) ? most : random.integer(1, most));
  one.weights.resize(static_cast<size_t>(shape.out_channels * shape.kernel_size()));
  for (int8_t& w : one.weights)
    w = static_cast<int8_t>(random.chance(0.2) ? -largest_weight : random.integer(-largest_weight, 127));
  if (random.chance(0.7)) {
    one.bias.resize(static_cast<size_t>(shape.out_channels));
    for (int32_t& b : one.bias) b = static_cast<int32_t>(random.integer(-20000, 20000));
  }
  one.output.shift = static_cast<int>(random.integer(-3, 20));
  one.output.rounding = static_cast<Rounding>(random.integer(0, 4));
  one.output.overflow = static_cast<Overflow>(random.integer(0, 1));
  one.output.format.total_bits = static_cast<int>(random.integer(2, 8));
  one.output.format.is_signed = random.chance(0.5);
  one.output.relu = one.output.format.is_signed || random.chance(0.5);
  if (random.chance(0.4)) {
    MaximumPooling& pooling = one.pooling;
    pooling.rows = random.integer(1, std::min<int64_t>(3, shape.out_rows));
    pooling.columns = random.integer(1, std::min<int64_t>(3, shape.out_columns));
    pooling.stride_rows = random.integer(1, 3);
    pooling.stride_columns = random.integer(1, 3);
    pooling.pad_top = random.integer(0, pooling.rows - 1);
    pooling.pad_left = random.integer(0, pooling.columns - 1);
    pooling.out_rows = outputs(shape.out_rows, pooling.pad_top, pooling.rows, pooling.stride_rows, 1);
    pooling.out_columns =
        outputs(shape.out_columns, pooling.pad_left, pooling.columns, pooling.stride_columns, 1);
    // The last window may not lie in the padding alone.
    while (pooling.out_rows > 1 &&
           (pooling.out_rows - 1) * pooling.stride_rows - pooling.pad_top >= shape.out_rows)
      --pooling.out_rows;
    while (pooling.out_columns > 1 &&
           (pooling.out_columns - 1) * pooling.stride_columns - pooling.pad_left >= shape.out_columns)
      --pooling.out_columns;
  }
  one.first_channel = random.chance(0.2) ? 64 * random.integer(1, 2) : 0;
  return one;
}

// [K, P, Q], by the plain loop nest in 64 bits.
std::vector<int64_t> reference_sums(const Case& one) {
  const std::vector<int16_t> input(one.input.begin(), one.input.end());
  const std::vector<int16_t> weights(one.weights.begin(), one.weights.end());
  const std::vector<int64_t> bias(one.bias.begin(), one.bias.end());
  std::vector<int64_t> sums(
      static_cast<size_t>(one.shape.out_channels * one.shape.out_rows * one.shape.out_columns));
  convolve_reference<int16_t, int64_t>(one.shape, input, weights, bias, sums);
  return sums;
}

// [K, rows, columns] of codes, pooled where the case pools.
std::vector<uint8_t> reference_codes(const Case& one, const std::vector<int64_t>& sums) {
  std::vector<uint8_t> codes(sums.size());
  std::transform(sums.begin(), sums.end(), codes.begin(), [&](int64_t sum) {
    const int64_t code = fit(shift_rounded(sum, one.output.shift, one.output.rounding), one.output.format,
                             one.output.overflow);
    return static_cast<uint8_t>(one.output.relu && code < 0 ? 0 : code);
  });
  const MaximumPooling& pooling = one.pooling;
  if (!pooling.exists()) return codes;
  std::vector<uint8_t> pooled;
  const int64_t rows = one.shape.out_rows, columns = one.shape.out_columns;
  for (int64_t k = 0; k < one.shape.out_channels; ++k) {
    for (int64_t p = 0; p < pooling.out_rows; ++p) {
      for (int64_t q = 0; q < pooling.out_columns; ++q) {
        uint8_t best = 0;
        const int64_t top = p * pooling.stride_rows - pooling.pad_top,
                      left = q * pooling.stride_columns - pooling.pad_left;
        for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + pooling.rows, rows); ++y) {
          for (int64_t x = std::max<int64_t>(left, 0); x < std::min(left + pooling.columns, columns); ++x) {
            best = std::max(best, codes[static_cast<size_t>((k * rows + y) * columns + x)]);
          }
        }
        pooled.push_back(best);
      }
    }
  }
  return pooled;
}

CompressedMap<uint8_t> compressed(const Case& one) {
  CompressedMap<uint8_t> map(one.shape.in_rows, one.shape.in_columns, one.shape.in_channels);
  compress(std::span<const uint8_t>(one.input), ChannelOrder::first, map);
  return map;
}

// What a case must give, computed once for all targets.
struct Wanted {
  explicit Wanted(const Case& one) : sums(reference_sums(one)), codes(reference_codes(one, sums)) {}
  std::vector<int64_t> sums;
  std::vector<uint8_t> codes;
};

void check(const Case& one, const Wanted& wanted, ConvolutionPath path, int threads) {
  RowWorkers workers(threads);
  const CompressedMap<uint8_t> input = compressed(one);
  SparseConvolution<uint8_t> layer(one.shape, one.weights, one.bias, one.output, one.pooling);
  const int64_t plane = one.shape.out_rows * one.shape.out_columns, outs = one.shape.out_channels;
  std::vector<int32_t> sums(wanted.sums.size());
  layer.sums(input, sums, workers, path);
  for (int64_t k = 0; k < outs; ++k) {
    for (int64_t i = 0; i < plane; ++i) {
      ASSERT_EQ(sums[static_cast<size_t>(i * outs + k)], wanted.sums[static_cast<size_t>(k * plane + i)])
          << "out channel " << k << " output " << i;
    }
  }
  CompressedMap<uint8_t> output(layer.out_rows(), layer.out_columns(), one.first_channel + outs);
  const int64_t before = layer.out_rows() * layer.out_columns() * one.first_channel;
  std::vector<uint8_t> dense(static_cast<size_t>(before) + wanted.codes.size());
  compress(std::span<const uint8_t>(dense), ChannelOrder::first, output);
  layer.run(input, output, workers, path, one.first_channel);
  expand(output, ChannelOrder::first, std::span<uint8_t>(dense));
  dense.erase(dense.begin(), dense.begin() + before);
  ASSERT_EQ(dense, wanted.codes);
}

std::string text(const ConvolutionShape& shape) {
  return testing::PrintToString(std::vector<int64_t>{
      shape.groups, shape.out_channels, shape.in_channels, shape.in_rows, shape.in_columns, shape.kernel_rows,
      shape.kernel_columns, shape.stride_rows, shape.stride_columns, shape.dilation_rows,
      shape.dilation_columns, shape.pad_top, shape.pad_left});
}

std::string text(const CodeOutput& rule) {
  return to_text(rule.format) + " shift " + std::to_string(rule.shift) + " " +
         std::string(name_of(rule.rounding)) + " " + std::string(name_of(rule.overflow)) +
         (rule.relu ? " relu" : "");
}

void check_many(ConvolutionPath path, uint64_t first_seed, uint64_t cases) {
  for (uint64_t seed = first_seed; seed < first_seed + cases; ++seed) {
    const Case one = random_case(seed);
    const Wanted wanted(one);
    SCOPED_TRACE(testing::Message() << "seed " << seed << " " << text(one.shape) << " " << text(one.output));
    on_every_target([&] {
      if (!testing::Test::HasFatalFailure()) check(one, wanted, path, seed % 16 == 0 ? 2 : 1);
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(SparseConv2d, SparseIntegersEqualTheLoopNestOnEveryTarget) {
  check_many(ConvolutionPath::sparse, 0, 250);
}
TEST(SparseConv2d, DenseIntegersEqualTheLoopNestOnEveryTarget) {
  check_many(ConvolutionPath::dense, 10000, 80);
}

// The same case in floats: a sum may differ from the loop nest's in doubles by the roundings of its products.
void check_floats(const Case& one, ConvolutionPath path, int threads) {
  RowWorkers workers(threads);
  Random random(7);
  std::vector<float> input(one.input.begin(), one.input.end()),
      weights(one.weights.begin(), one.weights.end());
  for (float& x : input) x *= static_cast<float>(random.uniform(-1, 1));
  for (float& w : weights) w *= static_cast<float>(random.uniform(0.5, 1));
  const std::vector<float> bias(one.bias.begin(), one.bias.end());
  const ConvolutionShape& shape = one.shape;
  std::vector<double> wanted(static_cast<size_t>(shape.out_channels * shape.out_rows * shape.out_columns));
  std::vector<double> magnitude(wanted.size());
  convolve_reference<float, double>(shape, input, weights, std::vector<double>(bias.begin(), bias.end()),
                                    wanted);
  CompressedMap<float> map(shape.in_rows, shape.in_columns, shape.in_channels);
  compress(std::span<const float>(input), ChannelOrder::first, map);
  SparseConvolution<float> layer(shape, weights, bias, {}, {});
  CompressedMap<float> output(shape.out_rows, shape.out_columns, shape.out_channels);
  layer.run(map, output, workers, path);
  std::vector<float> dense(wanted.size());
  expand(output, ChannelOrder::first, std::span<float>(dense));
  for (float& x : input) x = std::abs(x);
  for (float& w : weights) w = std::abs(w);
  convolve_reference<float, double>(shape, input, weights, {}, magnitude);
  const double unit = 0x1.0p-24 * static_cast<double>(shape.kernel_size() + 2);
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_NEAR(dense[i], std::max(wanted[i], 0.0), unit * (magnitude[i] + std::abs(wanted[i]))) << i;
  }
}

TEST(SparseConv2d, FloatsAreTheLoopNestsWithinTheirRoundingOnEveryTarget) {
  for (uint64_t seed = 20000; seed < 20040; ++seed) {
    const Case one = random_case(seed);
    SCOPED_TRACE(testing::Message() << "seed " << seed << " " << text(one.shape));
    on_every_target([&] {
      if (!testing::Test::HasFatalFailure())
        check_floats(one, ConvolutionPath::sparse, seed % 16 == 0 ? 2 : 1);
    });
    check_floats(one, ConvolutionPath::dense, 1);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// A product is counted where the loop nest meets an input that is not zero: with inputs and weights of one,
// the sum over all outputs counts them.
TEST(SparseConv2d, ExecutedMacsAreTheProductsOfNonzeroInputs) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Case one = random_case(seed);
    for (uint8_t& x : one.input) x = x != 0;
    std::fill(one.weights.begin(), one.weights.end(), int8_t{1});
    one.bias.clear();
    const auto total = [&] {
      int64_t macs = 0;
      for (const int64_t sum : reference_sums(one)) macs += sum;
      return macs;
    };
    const SparseConvolution<uint8_t> layer(one.shape, one.weights, one.bias, one.output, one.pooling);
    EXPECT_EQ(layer.executed_macs(compressed(one)), total());
    std::fill(one.input.begin(), one.input.end(), uint8_t{1});
    EXPECT_EQ(layer.dense_macs(), total());
  }
}

}  // namespace
}  // namespace deltahop
