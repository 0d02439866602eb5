// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and the convolutions and products on their codes.
#include <gtest/gtest.h>

#include <cmath>

#include "deltahop/network/layer_testing.h"

namespace deltahop {
namespace {

TEST(QuantizeLinear, RoundsHalvesToEvenAndSaturates) {
  const Tensor x = Tensor::of<float>({7}, {0.5f, 1.5f, 2.5f, -0.5f, 1000, -1000, 3.2f}),
               scale = Tensor::scalar<float>(1);
  const Tensor zero = Tensor::scalar<uint8_t>(10);
  EXPECT_EQ(list_of<uint8_t>(run_layer("QuantizeLinear", {}, {&x, &scale, &zero})[0]),
            (std::vector<uint8_t>{10, 12, 12, 10, 255, 0, 13}));
}

TEST(QuantizeLinear, ScalesPerTensorPerAxisAndPerBlock) {
  const Tensor x = Tensor::of<float>({2, 4}, {8, 8, 8, 8, 8, 8, 8, 8});
  const Tensor per_axis = Tensor::of<float>({4}, {1, 2, 4, 8}),
               per_block = Tensor::of<float>({2, 2}, {1, 2, 4, 8});
  const Tensor whole = Tensor::of<float>({1}, {4});
  using Codes = std::vector<uint8_t>;
  EXPECT_EQ(list_of<uint8_t>(run_layer("QuantizeLinear", {}, {&x, &whole})[0]),
            (Codes{2, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(list_of<uint8_t>(run_layer("QuantizeLinear", {{"axis", int64_t{-1}}}, {&x, &per_axis})[0]),
            (Codes{8, 4, 2, 1, 8, 4, 2, 1}));
  const Attributes blocks = {{"axis", int64_t{1}}, {"block_size", int64_t{2}}};
  EXPECT_EQ(list_of<uint8_t>(run_layer("QuantizeLinear", blocks, {&x, &per_block})[0]),
            (Codes{8, 8, 4, 4, 2, 2, 1, 1}));
  EXPECT_THROW(run_layer("QuantizeLinear", {{"axis", int64_t{0}}}, {&x, &per_axis}), Error);
  EXPECT_THROW(run_layer("QuantizeLinear", {{"block_size", int64_t{3}}}, {&x, &per_axis}), Error);
}

// round(x / s) * s is within half a step of x wherever nothing saturates.
TEST(DequantizeLinear, UndoesQuantizeLinearToHalfAStep) {
  Random random(71);
  const Tensor x = random_tensor(random, {3, 5, 4}),
               scale = Tensor::of<float>({5}, {0.05f, 0.1f, 0.25f, 0.04f, 0.06f});
  const Tensor zero = Tensor::of<int8_t>({5}, {0, 3, -7, 1, -1});
  const Tensor codes = run_layer("QuantizeLinear", {}, {&x, &scale, &zero})[0];
  const Tensor back = run_layer("DequantizeLinear", {}, {&codes, &scale, &zero})[0];
  for (size_t i = 0; i < static_cast<size_t>(x.size()); ++i) {
    EXPECT_NEAR(back.values<float>()[i], x.values<float>()[i], scale.values<float>()[i / 4 % 5] / 2 + 1e-6f);
  }
}

TEST(DequantizeLinear, TakesEveryCodeTypeExactly) {
  const Tensor scale = Tensor::scalar<float>(0.5f);
  const Tensor bytes = Tensor::of<int8_t>({2}, {-128, 127}), words = Tensor::of<uint16_t>({2}, {0, 65535}),
               longs = Tensor::of<int32_t>({2}, {-5, 1 << 20});
  EXPECT_EQ(list_of<float>(run_layer("DequantizeLinear", {}, {&bytes, &scale})[0]),
            (std::vector<float>{-64, 63.5f}));
  EXPECT_EQ(list_of<float>(run_layer("DequantizeLinear", {}, {&words, &scale})[0]),
            (std::vector<float>{0, 32767.5f}));
  EXPECT_EQ(list_of<float>(run_layer("DequantizeLinear", {}, {&longs, &scale})[0]),
            (std::vector<float>{-2.5f, 1 << 19}));
}

TEST(DynamicQuantizeLinear, CoversTheRangeAndZeroWithinHalfAStep) {
  Random random(72);
  const Tensor x = random_tensor(random, {40});
  const auto outputs = run_layer("DynamicQuantizeLinear", {}, {&x}, 3);
  const Tensor back = run_layer("DequantizeLinear", {}, {&outputs[0], &outputs[1], &outputs[2]})[0];
  const float step = outputs[1].values<float>()[0];
  for (size_t i = 0; i < 40; ++i)
    EXPECT_NEAR(back.values<float>()[i], x.values<float>()[i], step / 2 * 1.001f);
  const Tensor zeros = Tensor::zeros(DataType::float32, {3});
  EXPECT_EQ(run_layer("DynamicQuantizeLinear", {}, {&zeros}, 3)[1], Tensor::scalar<float>(1));
}

struct Codes {
  Tensor x, w, x_zero, w_zero, x_scale, w_scale;
};

Codes random_codes_and_scales(Random& random) {
  return {random_codes<uint8_t>(random, {2, 4, 6, 5}, 0, 255),
          random_codes<int8_t>(random, {6, 2, 3, 2}, -128, 127),
          Tensor::scalar<uint8_t>(131),
          Tensor::of<int8_t>({6}, {0, 1, -5, 127, -128, 9}),
          Tensor::scalar<float>(0.25f),
          Tensor::of<float>({6}, {0.5f, 0.25f, 1, 2, 0.125f, 0.5f})};
}

// The float convolution of the dequantised codes is exact here: sums below 2^24 in steps that are powers of
// two.
Tensor float_convolution(const Codes& codes, const Attributes& attributes) {
  const Tensor x = run_layer("DequantizeLinear", {}, {&codes.x, &codes.x_scale, &codes.x_zero})[0];
  const Tensor w =
      run_layer("DequantizeLinear", {{"axis", int64_t{0}}}, {&codes.w, &codes.w_scale, &codes.w_zero})[0];
  return run_layer("Conv", attributes, {&x, &w})[0];
}

const Attributes kPadded = {
    {"group", int64_t{2}}, {"pads", Integers{1, 0, 2, 1}}, {"strides", Integers{2, 1}}};

TEST(ConvInteger, EqualsTheFloatConvolutionOfItsCodes) {
  Random random(73);
  Codes codes = random_codes_and_scales(random);
  codes.x_scale = Tensor::scalar<float>(1);
  codes.w_scale = Tensor::of<float>({6}, {1, 1, 1, 1, 1, 1});
  const Tensor y = run_layer("ConvInteger", kPadded, {&codes.x, &codes.w, &codes.x_zero, &codes.w_zero})[0];
  EXPECT_EQ(y.converted(DataType::float32), float_convolution(codes, kPadded));
}

TEST(QLinearConv, EqualsTheFloatConvolutionRoundedToItsCodes) {
  Random random(74);
  const Codes codes = random_codes_and_scales(random);
  const Tensor y_scale = Tensor::scalar<float>(32), y_zero = Tensor::scalar<uint8_t>(120);
  const Tensor y = run_layer("QLinearConv", kPadded,
                             {&codes.x, &codes.x_scale, &codes.x_zero, &codes.w, &codes.w_scale,
                              &codes.w_zero, &y_scale, &y_zero})[0];
  const Tensor exact = float_convolution(codes, kPadded);
  EXPECT_EQ(y, run_layer("QuantizeLinear", {}, {&exact, &y_scale, &y_zero})[0]);
}

TEST(QLinearMatMul, EqualsTheFloatProductRoundedToItsCodesWithScalesPerRowAndColumn) {
  Random random(75);
  const Tensor a = random_codes<uint8_t>(random, {2, 3, 8}, 0, 255),
               b = random_codes<uint8_t>(random, {8, 4}, 0, 255);
  const Tensor a_scale = Tensor::of<float>({3}, {0.5f, 0.25f, 2}),
               a_zero = Tensor::of<uint8_t>({3}, {128, 3, 77});
  const Tensor b_scale = Tensor::of<float>({4}, {1, 0.5f, 0.125f, 4}),
               b_zero = Tensor::of<uint8_t>({4}, {100, 200, 128, 0});
  const Tensor y_scale = Tensor::scalar<float>(256), y_zero = Tensor::scalar<uint8_t>(120);
  const Tensor y =
      run_layer("QLinearMatMul", {}, {&a, &a_scale, &a_zero, &b, &b_scale, &b_zero, &y_scale, &y_zero})[0];
  const Tensor left = run_layer("DequantizeLinear", {{"axis", int64_t{1}}}, {&a, &a_scale, &a_zero})[0];
  const Tensor right = run_layer("DequantizeLinear", {{"axis", int64_t{1}}}, {&b, &b_scale, &b_zero})[0];
  const Tensor exact = run_layer("MatMul", {}, {&left, &right})[0];
  EXPECT_EQ(y, run_layer("QuantizeLinear", {}, {&exact, &y_scale, &y_zero})[0]);
}

TEST(QLinearConv, RefusesScalesAndZeroPointsThatDoNotFit) {
  Random random(76);
  const Codes codes = random_codes_and_scales(random);
  const Tensor one = Tensor::scalar<float>(1), zero = Tensor::scalar<uint8_t>(0),
               three = Tensor::of<float>({3}, {1, 2, 3});
  const auto run = [&](const Tensor& w_scale, const Tensor& w_zero, const Tensor& y_scale) {
    run_layer("QLinearConv", kPadded,
              {&codes.x, &codes.x_scale, &codes.x_zero, &codes.w, &w_scale, &w_zero, &y_scale, &zero});
  };
  EXPECT_NO_THROW(run(codes.w_scale, codes.w_zero, one));
  EXPECT_THROW(run(three, codes.w_zero, one), Error);
  EXPECT_THROW(run(codes.w_scale, zero, one), Error);  // uint8 beside int8 weights
  EXPECT_THROW(run(codes.w_scale, codes.w_zero, three), Error);
}

}  // namespace
}  // namespace deltahop
