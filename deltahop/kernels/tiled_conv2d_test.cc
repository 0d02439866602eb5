// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/tiled_conv2d.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

int64_t outputs(int64_t in, int64_t pad, int64_t kernel, int64_t stride, int64_t dilation) {
  return std::max<int64_t>((in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1, 1);
}

ConvolutionShape random_shape(Random& random) {
  ConvolutionShape shape;
  const int64_t kernels[] = {1, 1, 2, 3, 3, 5, 7};
  shape.kernel_rows = kernels[random.integer(0, 6)];
  shape.kernel_columns = random.chance(0.8) ? shape.kernel_rows : kernels[random.integer(0, 6)];
  shape.stride_rows = random.chance(0.7) ? 1 : random.integer(2, 3);
  shape.stride_columns = random.chance(0.8) ? shape.stride_rows : random.integer(1, 3);
  shape.dilation_rows = random.chance(0.8) ? 1 : 2;
  shape.dilation_columns = random.chance(0.8) ? 1 : 2;
  shape.in_rows = random.integer(1, 12);
  shape.in_columns = random.integer(1, random.chance(0.7) ? 12 : 36);
  shape.pad_top = random.chance(0.4) ? 0 : random.integer(0, shape.kernel_rows - 1);
  shape.pad_left = random.chance(0.4) ? 0 : random.integer(0, shape.kernel_columns - 1);
  shape.in_channels = random.chance(0.5) ? 4 * random.integer(1, 20) : random.integer(1, 40);
  shape.out_channels = random.chance(0.5) ? 16 * random.integer(1, 6) : random.integer(1, 150);
  shape.out_rows =
      outputs(shape.in_rows, shape.pad_top, shape.kernel_rows, shape.stride_rows, shape.dilation_rows);
  shape.out_columns = outputs(shape.in_columns, shape.pad_left, shape.kernel_columns, shape.stride_columns,
                              shape.dilation_columns);
  return shape;
}

std::string text(const ConvolutionShape& shape) {
  return testing::PrintToString(
      std::vector<int64_t>{shape.out_channels, shape.in_channels, shape.in_rows, shape.in_columns,
                           shape.kernel_rows, shape.kernel_columns, shape.stride_rows, shape.stride_columns,
                           shape.dilation_rows, shape.dilation_columns, shape.pad_top, shape.pad_left});
}

// [C, pixels] to [pixels, C].
template <class T>
std::vector<T> channels_last(const std::vector<T>& planes, int64_t channels) {
  std::vector<T> last(planes.size());
  const size_t outs = static_cast<size_t>(channels), pixels = planes.size() / outs;
  for (size_t i = 0; i < planes.size(); ++i) last[i % pixels * outs + i / pixels] = planes[i];
  return last;
}

CodeOutput random_output(Random& random) {
  CodeOutput output;
  output.shift = static_cast<int>(random.integer(0, 22));
  output.rounding = static_cast<Rounding>(random.integer(0, 4));
  output.format.total_bits = static_cast<int>(random.integer(2, 8));
  output.relu = random.chance(0.5);
  return output;
}

// Zeros as pictures have them: some in a row of pixels, whatever the channel.
void clear_runs(Random& random, const ConvolutionShape& shape, std::vector<int16_t>& input) {
  const int64_t pixels = shape.in_rows * shape.in_columns;
  for (int64_t run = random.integer(0, 6); run > 0; --run) {
    const int64_t first = random.integer(0, pixels - 1),
                  last = std::min(pixels, first + random.integer(1, 3 * shape.in_columns));
    for (int64_t c = 0; c < shape.in_channels; ++c)
      std::fill(input.begin() + c * pixels + first, input.begin() + c * pixels + last, int16_t{0});
  }
}

void check_codes(uint64_t seed, const ConvolutionShape& shape, int threads) {
  Random random(seed);
  const CodeOutput output = random_output(random);
  SCOPED_TRACE(testing::Message() << "seed " << seed << " " << text(shape) << " shift " << output.shift
                                  << (output.relu ? " relu" : ""));
  const bool has_negative = random.chance(0.3);
  std::vector<int16_t> input(static_cast<size_t>(shape.in_channels * shape.in_rows * shape.in_columns));
  for (int16_t& x : input)
    x = static_cast<int16_t>(has_negative ? random.integer(-128, 127) : random.integer(0, 255));
  clear_runs(random, shape, input);
  std::vector<int16_t> weights(static_cast<size_t>(shape.out_channels * shape.kernel_size()));
  for (int16_t& w : weights) w = static_cast<int16_t>(random.integer(-128, 127));
  std::vector<int64_t> bias(static_cast<size_t>(shape.out_channels));
  for (int64_t& b : bias) b = random.integer(-20000, 20000);
  std::vector<int64_t> sums(static_cast<size_t>(shape.out_channels * shape.out_rows * shape.out_columns));
  convolve_reference<int16_t, int64_t>(shape, input, weights, bias, sums);
  std::vector<uint8_t> wanted(sums.size());
  std::transform(sums.begin(), sums.end(), wanted.begin(), [&](int64_t sum) {
    const int64_t code =
        fit(shift_rounded(sum, output.shift, output.rounding), output.format, output.overflow);
    return static_cast<uint8_t>(output.relu ? std::max<int64_t>(code, 0) : code);
  });
  wanted = channels_last(wanted, shape.out_channels);
  ASSERT_TRUE(TiledConvolution<uint8_t>::can_run(shape, output));
  TiledConvolution<uint8_t> layer(shape, std::vector<int8_t>(weights.begin(), weights.end()),
                                  std::vector<int32_t>(bias.begin(), bias.end()), output);
  const std::vector<uint8_t> map =
      channels_last(std::vector<uint8_t>(input.begin(), input.end()), shape.in_channels);
  RowWorkers workers(threads);
  const int64_t stride = shape.out_channels + 3;
  std::vector<uint8_t> codes(wanted.size() + 3 * wanted.size() / static_cast<size_t>(shape.out_channels), 77);
  layer.run(map.data(), !has_negative, codes.data(), stride, workers);  // what lay in the border before
  for (const bool skips : {false, true}) {
    std::fill(codes.begin(), codes.end(), uint8_t{77});
    layer.run(map.data(), has_negative, codes.data(), stride, workers, skips);
    for (size_t i = 0; i < codes.size(); ++i) {
      const auto pixel = static_cast<int64_t>(i) / stride, k = static_cast<int64_t>(i) % stride;
      const bool is_ours = k < shape.out_channels;
      ASSERT_EQ(codes[i], is_ours ? wanted[static_cast<size_t>(pixel * shape.out_channels + k)] : 77)
          << "pixel " << pixel << " channel " << k << (skips ? " with runs left out" : "");
    }
  }
}

TEST(TiledConv2d, CodesEqualTheLoopNestAndNothingBesideThemIsWritten) {
  if (!sparse_blocks::has_byte_products()) GTEST_SKIP() << "this processor has no byte products";
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Random random(seed + 10000);
    check_codes(seed, random_shape(random), 1);
    if (testing::Test::HasFatalFailure()) return;
  }
}

ConvolutionShape shape_of(int64_t in_channels, int64_t out_channels, int64_t size) {
  ConvolutionShape shape;
  shape.in_channels = in_channels;
  shape.out_channels = out_channels;
  shape.in_rows = shape.in_columns = size;
  shape.kernel_rows = shape.kernel_columns = 3;
  shape.out_rows = shape.out_columns = size - 2;
  return shape;
}

TEST(TiledConv2d, ThreadsShareALargeLayerAndGiveTheSameCodes) {
  if (!sparse_blocks::has_byte_products()) GTEST_SKIP() << "this processor has no byte products";
  for (uint64_t seed = 0; seed < 12; ++seed) {
    check_codes(seed, shape_of(64, 70, 30), 2 + static_cast<int>(seed % 2));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(TiledConv2d, RunsAreLeftOutWhereAMapIsZeroAndNowhereElse) {
  if (!sparse_blocks::has_byte_products()) GTEST_SKIP() << "this processor has no byte products";
  RowWorkers workers(1);
  for (const int64_t channels : {1, 16, 40, 64}) {
    const ConvolutionShape shape = shape_of(channels, channels, 30);  // rows of 28: whole tiles of 4 and 7
    TiledConvolution<uint8_t> layer(
        shape, std::vector<int8_t>(static_cast<size_t>(channels * shape.kernel_size()), 1), {}, CodeOutput{});
    std::vector<uint8_t> map(static_cast<size_t>(channels * 30 * 30)),
        codes(static_cast<size_t>(channels * 28 * 28));
    const auto left_out = [&](bool skips) {
      return layer.run(map.data(), false, codes.data(), channels, workers, skips);
    };
    EXPECT_EQ(layer.products(), 28 * 28 * channels * shape.kernel_size());
    EXPECT_EQ(left_out(true), layer.products());
    EXPECT_EQ(left_out(false), 0);
    std::fill(map.begin(), map.begin() + channels * 30 * 15, uint8_t{1});  // the upper half
    // Kernel rows that end in rows 15 to 29: of outputs 15 to 27 all three, of 14 two, of 13 one.
    EXPECT_EQ(left_out(true), layer.products() / 28 / 3 * (13 * 3 + 2 + 1));
    std::fill(map.begin(), map.end(), uint8_t{1});
    EXPECT_EQ(left_out(true), 0);
  }
}

TEST(TiledConv2d, FloatsAreTheLoopNestsWithinTheirRoundingOnEveryTarget) {
  for (uint64_t seed = 5000; seed < 5060; ++seed) {
    Random random(seed);
    const ConvolutionShape shape = random_shape(random);
    SCOPED_TRACE(testing::Message() << "seed " << seed << " " << text(shape));
    std::vector<float> input(static_cast<size_t>(shape.in_channels * shape.in_rows * shape.in_columns));
    std::vector<float> weights(static_cast<size_t>(shape.out_channels * shape.kernel_size()));
    std::vector<float> bias(static_cast<size_t>(shape.out_channels));
    for (auto* values : {&input, &weights, &bias}) {
      for (float& value : *values) value = static_cast<float>(random.uniform(-1, 1));
    }
    std::vector<double> wanted(static_cast<size_t>(shape.out_channels * shape.out_rows * shape.out_columns));
    convolve_reference<float, double>(shape, input, weights, std::vector<double>(bias.begin(), bias.end()),
                                      wanted);
    wanted = channels_last(wanted, shape.out_channels);
    const std::vector<float> map = channels_last(input, shape.in_channels);
    const bool relu = random.chance(0.5);
    const double unit = 0x1.0p-24 * static_cast<double>(shape.kernel_size() + 2);
    on_every_target([&] {
      RowWorkers workers(1);
      TiledConvolution<float> layer(shape, weights, bias, {relu});
      std::vector<float> values(wanted.size());
      layer.run(map.data(), false, values.data(), shape.out_channels, workers);
      for (size_t i = 0; i < wanted.size(); ++i) {
        const double value = relu ? std::max(wanted[i], 0.0) : wanted[i];
        ASSERT_NEAR(values[i], value, unit * static_cast<double>(shape.kernel_size() + 1)) << i;
      }
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(TiledBlocks, SumsOfCodesAreRoundedAsOneByOneOnEveryTarget) {
  Random random(9);
  for (int round = 0; round < 200; ++round) {
    CodeOutput output = random_output(random);
    output.shift %= 12;
    std::vector<int8_t> a(static_cast<size_t>(random.integer(1, 100))), b(a.size()), codes(a.size());
    for (auto* values : {&a, &b}) {
      for (int8_t& value : *values) value = static_cast<int8_t>(random.integer(-128, 127));
    }
    const int left_a = static_cast<int>(random.integer(0, 16)),
              left_b = static_cast<int>(random.integer(0, 3));
    on_every_target([&] {
      tiled_blocks::add({a.data(), b.data(), left_a, left_b, static_cast<int64_t>(a.size()), codes.data(),
                         *code_way(output)});
      for (size_t i = 0; i < a.size(); ++i) {
        const int64_t sum = (int64_t{a[i]} << left_a) + (int64_t{b[i]} << left_b);
        const int64_t code =
            fit(shift_rounded(sum, output.shift, output.rounding), output.format, output.overflow);
        ASSERT_EQ(codes[i], output.relu ? std::max<int64_t>(code, 0) : code);
      }
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(TiledBlocks, AveragesAreTheRoundedSumsOfTheirWindowsOnEveryTarget) {
  Random random(4);
  for (int round = 0; round < 200; ++round) {
    CodeOutput output = random_output(random);
    output.shift %= 8;
    output.relu = false;
    const int64_t channels = random.integer(1, 70), columns = 12;
    std::vector<int8_t> map(static_cast<size_t>(channels * columns * 4));
    for (int8_t& value : map) value = static_cast<int8_t>(random.integer(-128, 127));
    const int64_t rows = random.integer(1, 4), window = random.integer(1, 4), step = random.integer(1, 3);
    const int64_t outs = (columns - window) / step + 1;
    on_every_target([&] {
      std::vector<int8_t> codes(static_cast<size_t>(outs * channels + 1), 77);
      tiled_blocks::average({map.data(), columns * channels, channels, rows, window, step, outs, codes.data(),
                             *code_way(output)});
      ASSERT_EQ(codes.back(), 77);
      for (int64_t i = 0; i < outs * channels; ++i) {
        int64_t sum = 0;
        for (int64_t y = 0; y < rows; ++y) {
          for (int64_t x = 0; x < window; ++x)
            sum +=
                map[static_cast<size_t>((y * columns + i / channels * step + x) * channels + i % channels)];
        }
        const int64_t wanted =
            fit(shift_rounded(sum, output.shift, output.rounding), output.format, output.overflow);
        ASSERT_EQ(codes[static_cast<size_t>(i)], wanted) << i;
      }
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(TiledBlocks, ZerosAreCountedAndNeighboursComparedOnEveryTarget) {
  Random random(3);
  for (const int64_t channels : {1, 5, 8, 16, 48, 100}) {
    std::vector<int8_t> row(static_cast<size_t>(channels * 20));
    for (int8_t& value : row) value = static_cast<int8_t>(random.chance(0.5) ? 0 : random.integer(-128, 127));
    on_every_target([&] {
      ASSERT_EQ(tiled_blocks::count_zeros(row), std::count(row.begin(), row.end(), 0));
      // Windows of 19 are more than are taken at once.
      for (const int64_t window : {2, 3, 19}) {
        std::vector<int8_t> pooled(static_cast<size_t>(channels * 10));
        tiled_blocks::largest(tiled_blocks::NeighbourRow<int8_t>{row.data(), 20, channels, window, 2, 1, 10,
                                                                 pooled.data(), channels});
        for (int64_t q = 0; q < 10; ++q) {
          for (int64_t k = 0; k < channels; ++k) {
            int8_t best = -128;
            for (int64_t x = std::max<int64_t>(2 * q - 1, 0); x < std::min<int64_t>(2 * q - 1 + window, 20);
                 ++x)
              best = std::max(best, row[static_cast<size_t>(x * channels + k)]);
            ASSERT_EQ(pooled[static_cast<size_t>(q * channels + k)], best);
          }
        }
      }
    });
  }
}

}  // namespace
}  // namespace deltahop
