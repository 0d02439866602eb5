// SPDX-License-Identifier: Apache-2.0
// BatchNormalization, LayerNormalization, Softmax, LogSoftmax and LRN by their laws and closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "deltahop/network/layer_testing.h"

namespace deltahop {
namespace {

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments result;
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  for (const double value : values)
    result.variance += (value - result.mean) * (value - result.mean) / static_cast<double>(values.size());
  return result;
}

std::vector<double> channel_of(const Tensor& x, int64_t channel) {
  std::vector<double> values;
  const int64_t inner = x.size() / (x.dim(0) * x.dim(1));
  for (int64_t i = 0; i < x.size(); ++i) {
    if (i / inner % x.dim(1) == channel)
      values.push_back(static_cast<double>(x.values<float>()[static_cast<size_t>(i)]));
  }
  return values;
}

TEST(BatchNormalization, IsTheAffineFunctionOfItsParameters) {
  Random random(81);
  const Tensor x = random_tensor(random, {2, 3, 4, 2}), scale = random_tensor(random, {3}),
               bias = random_tensor(random, {3});
  const Tensor mean = random_tensor(random, {3}), variance = Tensor::of<float>({3}, {0.5f, 2, 0});
  const Tensor y =
      run_layer("BatchNormalization", {{"epsilon", 0.01f}}, {&x, &scale, &bias, &mean, &variance})[0];
  for (size_t i = 0; i < 48; ++i) {
    const size_t c = i / 8 % 3;
    const double expected = (x.values<float>()[i] - mean.values<float>()[c]) /
                                std::sqrt(variance.values<float>()[c] + 0.01) * scale.values<float>()[c] +
                            bias.values<float>()[c];
    EXPECT_NEAR(y.values<float>()[i], expected, 1e-4);
  }
}

TEST(BatchNormalization, InTrainingModeGivesEveryChannelTheMomentsOfItsParameters) {
  Random random(82);
  const Tensor x = random_tensor(random, {4, 2, 5, 5}), scale = Tensor::of<float>({2}, {2, 0.5f}),
               bias = Tensor::of<float>({2}, {-1, 3});
  const Tensor mean = Tensor::of<float>({2}, {10, 20}), variance = Tensor::of<float>({2}, {1, 1});
  const Attributes training = {{"training_mode", int64_t{1}}, {"epsilon", 0.0f}, {"momentum", 0.75f}};
  const auto outputs = run_layer("BatchNormalization", training, {&x, &scale, &bias, &mean, &variance}, 3);
  for (int64_t c = 0; c < 2; ++c) {
    const size_t at = static_cast<size_t>(c);
    const Moments normalized = moments(channel_of(outputs[0], c)), batch = moments(channel_of(x, c));
    EXPECT_NEAR(normalized.mean, bias.values<float>()[at], 1e-5);
    EXPECT_NEAR(std::sqrt(normalized.variance), scale.values<float>()[at], 1e-5);
    EXPECT_NEAR(outputs[1].values<float>()[at], mean.values<float>()[at] * 0.75 + batch.mean * 0.25, 1e-5);
    EXPECT_NEAR(outputs[2].values<float>()[at], 0.75 + batch.variance * 0.25, 1e-5);
  }
}

TEST(BatchNormalization, OldNodesWithTheOutputsOfTrainingAreRefused) {
  EXPECT_THROW(made_layer("BatchNormalization", {}, 5, 5, 7), Error);
  EXPECT_NO_THROW(
      made_layer("BatchNormalization", {{"is_test", int64_t{1}}, {"spatial", int64_t{1}}}, 5, 1, 6));
}

TEST(LayerNormalization, NormalisesEverySliceAndReportsItsMoments) {
  Random random(83);
  const Tensor x = random_tensor(random, {2, 3, 4, 5}), scale = random_tensor(random, {4, 5}),
               bias = random_tensor(random, {5});
  const auto outputs =
      run_layer("LayerNormalization", {{"axis", int64_t{2}}, {"epsilon", 0.001f}}, {&x, &scale, &bias}, 3);
  EXPECT_EQ(outputs[1].shape(), (Shape{2, 3, 1, 1}));
  for (size_t slice = 0; slice < 6; ++slice) {
    const auto own = x.values<float>().subspan(slice * 20, 20);
    const Moments of_slice = moments({own.begin(), own.end()});
    const double inverse = 1 / std::sqrt(of_slice.variance + 0.001);
    EXPECT_NEAR(outputs[1].values<float>()[slice], of_slice.mean, 1e-6);
    EXPECT_NEAR(outputs[2].values<float>()[slice], inverse, 1e-5);
    for (size_t i = 0; i < 20; ++i) {
      const double expected =
          (own[i] - of_slice.mean) * inverse * scale.values<float>()[i] + bias.values<float>()[i % 5];
      EXPECT_NEAR(outputs[0].values<float>()[slice * 20 + i], expected, 1e-5);
    }
  }
}

TEST(LayerNormalization, RefusesScalesThatDoNotBroadcast) {
  const Tensor x = Tensor::zeros(DataType::float32, {2, 3, 4}), wrong = Tensor::zeros(DataType::float32, {3}),
               rows = Tensor::zeros(DataType::float32, {2, 1, 4});
  EXPECT_THROW(run_layer("LayerNormalization", {}, {&x, &wrong}), Error);
  EXPECT_THROW(run_layer("LayerNormalization", {}, {&x, &rows}), Error);
  EXPECT_THROW(run_layer("LayerNormalization", {{"axis", int64_t{3}}}, {&x, &wrong}), Error);
}

TEST(Softmax, AddsUpToOneAlongItsAxisAndKeepsRatios) {
  Random random(84);
  const Tensor x = random_tensor(random, {3, 4, 5});
  for (const int64_t axis : {0, 1, 2, -2}) {
    const Tensor y = run_layer("Softmax", {{"axis", axis}}, {&x})[0];
    const size_t at = normalized_axis(axis, 3);
    const int64_t step = strides_of(x.shape())[at], count = x.dim(at);
    for (int64_t i = 0; i < x.size(); ++i) {
      if (i / step % count != 0) continue;
      double sum = 0;
      for (int64_t j = 0; j < count; ++j) {
        const size_t one = static_cast<size_t>(i + j * step), first = static_cast<size_t>(i);
        sum += y.values<float>()[one];
        EXPECT_NEAR(std::log(y.values<float>()[one] / y.values<float>()[first]),
                    x.values<float>()[one] - x.values<float>()[first], 1e-4);
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

TEST(Softmax, BeforeOpset13NormalisesAllDimensionsFromTheAxisOnTogether) {
  Random random(85);
  const Tensor x = random_tensor(random, {2, 3, 4}), flat = x.reshaped({2, 12});
  const Tensor y = run_layer("Softmax", {}, {&x}, 1, 11)[0];
  EXPECT_EQ(y.reshaped({2, 12}), run_layer("Softmax", {{"axis", int64_t{1}}}, {&flat})[0]);
  const auto layer = made_layer("Softmax", {}, 1, 1, 11);
  EXPECT_EQ(run_layer("Softmax", layer->attributes(), {&x})[0],
            y);  // its own attributes say so in the form of today
}

TEST(Softmax, DoesNotOverflowAndItsLogarithmDoesNotUnderflow) {
  const Tensor x = Tensor::of<float>({1, 3}, {10000, 10001, 9000});
  const Tensor y = run_layer("Softmax", {}, {&x})[0], logarithm = run_layer("LogSoftmax", {}, {&x})[0];
  EXPECT_NEAR(y.values<float>()[1], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(logarithm.values<float>()[2], -1001 - std::log1p(std::exp(-1.0)), 1e-3);
}

TEST(LRN, DividesByThePowerOfItsNeighboursSquares) {
  Random random(86);
  const Tensor x = random_tensor(random, {2, 7, 3, 2});
  for (const int64_t size : {1, 2, 3, 5, 9}) {
    const Tensor y =
        run_layer("LRN", {{"size", size}, {"alpha", 0.3f}, {"beta", 0.6f}, {"bias", 1.5f}}, {&x})[0];
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t channel = i / 6 % 7;
      double squares = 0;
      for (int64_t c = 0; c < 7; ++c) {
        // ONNX: from channel - floor((size - 1) / 2) to channel + ceil((size - 1) / 2).
        if (c - channel < -((size - 1) / 2) || c - channel > size / 2) continue;
        squares += std::pow(x.values<float>()[static_cast<size_t>(i + (c - channel) * 6)], 2.0);
      }
      EXPECT_NEAR(y.values<float>()[static_cast<size_t>(i)],
                  x.values<float>()[static_cast<size_t>(i)] /
                      std::pow(1.5 + 0.3 / static_cast<double>(size) * squares, 0.6),
                  1e-5);
    }
  }
  EXPECT_THROW(made_layer("LRN", {}, 1), Error);
}

}  // namespace
}  // namespace deltahop
