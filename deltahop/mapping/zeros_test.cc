// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/zeros.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deltahop/base/random.h"
#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace {

Tensor random_codes(Random& random, Shape shape, double density) {
  Tensor codes(DataType::int16, std::move(shape));
  for (int16_t& code : codes.values<int16_t>())
    code = random.chance(density) ? static_cast<int16_t>(random.integer(1, 99)) : int16_t{0};
  return codes;
}

Workload workload_of(const ConvolutionShape& shape) { return {.shape = shape}; }

TEST(ZeroMeter, SizesAreThoseOfTheRealStreams) {
  Random random(3);
  const ConvolutionShape shape{.out_channels = 5,
                               .in_channels = 7,
                               .in_rows = 9,
                               .in_columns = 11,
                               .out_rows = 7,
                               .out_columns = 9,
                               .kernel_rows = 3,
                               .kernel_columns = 3};
  const Tensor weights = random_codes(random, {5, 7, 3, 3}, 0.3);
  const Tensor input = random_codes(random, {1, 7, 9, 11}, 0.05);
  const Tensor output = random_codes(random, {1, 5, 7, 9}, 0.6);
  ZeroMeter meter(workload_of(shape), &weights);
  meter.add(input, &output);
  const LayerZeros zeros = *meter.zeros();
  const auto expect = [&](Operand operand, Code code, Bits size, int64_t values) {
    EXPECT_NEAR(zeros.of(operand).size(code, 16) * 16.0 * static_cast<double>(values),
                static_cast<double>(size.number()), 1e-6)
        << name_of(operand) << " " << kCodeNames[static_cast<size_t>(code)];
  };
  expect(Operand::input, Code::sparsity_map, SparsityMap::encode(input).size(), input.size());
  expect(Operand::input, Code::run_length, RunLength::encode(input).size(), input.size());
  expect(Operand::input, Code::csc, Csc::encode(input.reshaped({7, 99})).size(), input.size());
  expect(Operand::output, Code::sparsity_map, SparsityMap::encode(output).size(), output.size());
  expect(Operand::weight, Code::csc, Csc::encode(weights.reshaped({5, 63})).size(), weights.size());
  expect(Operand::weight, Code::run_length, RunLength::encode(weights).size(), weights.size());
}

TEST(ZeroMeter, PaddingCountsAsZerosThatMoveAndMultiply) {
  const ConvolutionShape shape{.in_rows = 2,
                               .in_columns = 2,
                               .out_rows = 2,
                               .out_columns = 2,
                               .kernel_rows = 3,
                               .kernel_columns = 3,
                               .pad_top = 1,
                               .pad_left = 1};
  const Tensor input = Tensor::of<int16_t>({1, 1, 2, 2}, {1, 2, 3, 4});
  ZeroMeter meter(workload_of(shape), nullptr);
  meter.add(input, nullptr);
  const LayerZeros zeros = *meter.zeros();
  EXPECT_DOUBLE_EQ(zeros.of(Operand::input).density, 4.0 / 16);  // the map is 4 x 4 with its padding
  EXPECT_DOUBLE_EQ(zeros.input_macs, 16.0 / 36);                 // every pixel meets every output
  EXPECT_DOUBLE_EQ(zeros.of(Operand::weight).density, 1);
  EXPECT_DOUBLE_EQ(zeros.of(Operand::output).density, 1);
}

TEST(ZeroMeter, WhatNoWindowReachesIsLeftOut) {
  const ConvolutionShape shape{.in_rows = 1, .in_columns = 5, .out_columns = 2, .stride_columns = 2};
  const Tensor input = Tensor::of<int16_t>({1, 1, 1, 5}, {1, 0, 1, 1, 1});
  ZeroMeter meter(workload_of(shape), nullptr);
  meter.add(input, nullptr);
  EXPECT_DOUBLE_EQ(meter.zeros()->of(Operand::input).density, 2.0 / 3);
  EXPECT_DOUBLE_EQ(meter.zeros()->input_macs, 1);
}

TEST(ExpectedZeros, AreTheMeansOfRandomMaps) {
  const ConvolutionShape shape{.out_channels = 64,
                               .in_channels = 48,
                               .in_rows = 24,
                               .in_columns = 24,
                               .out_rows = 22,
                               .out_columns = 22,
                               .kernel_rows = 3,
                               .kernel_columns = 3};
  for (const double density : {0.01, 0.1, 0.4, 0.9, 1.0}) {
    Random random(11);
    const Tensor weights = random_codes(random, {64, 48, 3, 3}, density);
    ZeroMeter meter(workload_of(shape), &weights);
    for (int i = 0; i < 4; ++i) {
      const Tensor output = random_codes(random, {1, 64, 22, 22}, density);
      meter.add(random_codes(random, {1, 48, 24, 24}, density), &output);
    }
    const LayerZeros measured = *meter.zeros();
    const LayerZeros expected = expected_zeros(problem_of(workload_of(shape)), {density, density, density});
    // Five standard deviations of a count of this many trials; the last word of a stream besides.
    const double slack = 5 * std::sqrt((1 - density) / density / 27648) + 0.002;
    for (const Operand operand : kAllOperands) {
      for (const Code code : {Code::sparsity_map, Code::run_length, Code::csc}) {
        EXPECT_NEAR(measured.of(operand).size(code, 16) / expected.of(operand).size(code, 16), 1, slack)
            << name_of(operand) << " " << kCodeNames[static_cast<size_t>(code)] << " at " << density;
      }
    }
    EXPECT_NEAR(measured.input_macs / expected.input_macs, 1, slack) << density;
    EXPECT_NEAR(measured.both_macs / expected.both_macs, 1, 2 * slack) << density;
  }
}

TEST(ExpectedZeros, CodesOfNothingAndOfEverything) {
  const Problem problem{.bounds = {1, 1, 4, 32, 6, 6, 1, 1}};
  const OperandZeros dense = expected_zeros(problem, {1, 1, 1}).of(Operand::input);
  EXPECT_DOUBLE_EQ(dense.size(Code::run_length, 16), 64.0 / 48);  // three values in 64 bits [Chen2017]
  EXPECT_DOUBLE_EQ(dense.size(Code::sparsity_map, 16), 17.0 / 16);
  const OperandZeros empty = expected_zeros(problem, {0, 0, 0}).of(Operand::input);
  EXPECT_DOUBLE_EQ(empty.size(Code::run_length, 16), 64.0 / 48 / 32);  // a pair for 32 zeros
  EXPECT_DOUBLE_EQ(empty.size(Code::sparsity_map, 16), 1.0 / 16);
  EXPECT_DOUBLE_EQ(empty.entries, 0);
}

}  // namespace
}  // namespace deltahop
