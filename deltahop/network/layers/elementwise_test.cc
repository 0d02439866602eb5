// SPDX-License-Identifier: Apache-2.0
// The layers of one input, each against its definition at points where the answer is known.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deltahop/network/layer_testing.h"

namespace deltahop {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float of_one(const std::string& name, float x, Attributes attributes = {}) {
  const Tensor input = Tensor::scalar(x);
  return run_layer(name, std::move(attributes), {&input})[0].values<float>()[0];
}

struct Point {
  const char* name;
  float x, y;
};

TEST(Elementwise, EveryFunctionHasItsKnownValues) {
  const Point points[] = {{"Abs", -2.5f, 2.5f},
                          {"Neg", 2.5f, -2.5f},
                          {"Exp", 1, 2.71828183f},
                          {"Log", 2.71828183f, 1},
                          {"Sqrt", 2, 1.41421356f},
                          {"Reciprocal", -4, -0.25f},
                          {"Relu", -3, 0},
                          {"Relu", 3, 3},
                          {"LeakyRelu", -3, -0.03f},
                          {"Elu", -1, -0.63212056f},
                          {"Elu", 2, 2},
                          {"Selu", -1, -1.11133072f},  // 1.67326 * 1.05070 * (e^-1 - 1)
                          {"Selu", 2, 2.10140204f},
                          {"ThresholdedRelu", 1, 0},
                          {"ThresholdedRelu", 1.5f, 1.5f},
                          {"Softplus", 0, 0.69314718f},
                          {"Softplus", 100, 100},
                          {"Softplus", -20, 2.0611537e-9f},
                          {"Softsign", -3, -0.75f},
                          {"Sigmoid", 1, 0.73105858f},
                          {"Sigmoid", -1, 0.26894142f},
                          {"Tanh", 1, 0.76159416f},
                          {"HardSigmoid", 1, 0.7f},
                          {"HardSigmoid", 9, 1},
                          {"HardSwish", 1, 0.66666667f},
                          {"HardSwish", -4, 0},
                          {"HardSwish", 4, 4}};
  for (const Point& point : points)
    EXPECT_FLOAT_EQ(of_one(point.name, point.x), point.y) << point.name << " of " << point.x;
}

TEST(Elementwise, SaturatingFunctionsSurviveTheExtremes) {
  EXPECT_EQ(of_one("Sigmoid", -1000), 0.0f);
  EXPECT_EQ(of_one("Sigmoid", 1000), 1.0f);
  EXPECT_EQ(of_one("Tanh", kInfinity), 1.0f);
  EXPECT_EQ(of_one("Softplus", kInfinity), kInfinity);
  EXPECT_EQ(of_one("Elu", -kInfinity), -1.0f);
}

TEST(Elementwise, NanIsPassedOn) {
  for (const char* name : {"Abs", "Neg", "Relu", "LeakyRelu", "Elu", "Selu", "ThresholdedRelu", "Softplus",
                           "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Clip"}) {
    EXPECT_TRUE(std::isnan(of_one(name, kNan))) << name;
  }
}

TEST(Elementwise, AttributesChangeTheFunctionAndComeBack) {
  EXPECT_FLOAT_EQ(of_one("LeakyRelu", -2, {{"alpha", 0.25f}}), -0.5f);
  EXPECT_FLOAT_EQ(of_one("HardSigmoid", 1, {{"alpha", 0.25f}, {"beta", 0.125f}}), 0.375f);
  EXPECT_FLOAT_EQ(of_one("Selu", 2, {{"gamma", 3.0f}}), 6.0f);
  for (const char* name : {"LeakyRelu", "Elu", "ThresholdedRelu"}) {
    const Attributes attributes = made_layer(name, {{"alpha", 0.5f}}, 1)->attributes();
    EXPECT_EQ(attributes.number("alpha", 0), 0.5f) << name;
  }
}

TEST(Elementwise, AnUnknownAttributeIsRefused) {
  EXPECT_THROW(made_layer("Tanh", {{"alpha", 0.5f}}, 1), Error);
  EXPECT_THROW(made_layer("Identity", {{"axis", int64_t{1}}}, 1), Error);
}

TEST(Elementwise, HalfPrecisionIsRoundedOnce) {
  const Tensor x = Tensor::of<float>({3}, {0.1f, -1.5f, 3.0f}).converted(DataType::float16);
  const Tensor y = run_layer("Sigmoid", {}, {&x})[0];
  const Tensor wide = x.converted(DataType::float32);
  EXPECT_EQ(y, run_layer("Sigmoid", {}, {&wide})[0].converted(DataType::float16));
}

TEST(Elementwise, DoubleKeepsItsDigits) {
  const Tensor x = Tensor::scalar(1.0);
  EXPECT_DOUBLE_EQ(run_layer("Exp", {}, {&x})[0].values<double>()[0], std::exp(1.0));
}

TEST(Elementwise, IntegersWrapWhereTheyHaveNoCounterpart) {
  const Tensor x = Tensor::of<int8_t>({3}, {-128, -1, 5});
  EXPECT_EQ(list_of<int8_t>(run_layer("Abs", {}, {&x})[0]), (std::vector<int8_t>{-128, 1, 5}));
  EXPECT_EQ(list_of<int8_t>(run_layer("Neg", {}, {&x})[0]), (std::vector<int8_t>{-128, 1, -5}));
  EXPECT_EQ(list_of<int8_t>(run_layer("Relu", {}, {&x})[0]), (std::vector<int8_t>{0, 0, 5}));
  EXPECT_THROW(run_layer("Exp", {}, {&x}), Error);
}

TEST(Elementwise, NegOnCodesGivesTheExactSum) {
  const Tensor codes = Tensor::of<int16_t>({2}, {-32768, 7});
  const IntegerValue value{&codes, 3};
  const auto sums = made_layer("Neg", {}, 1)->accumulate({&value, 1}, {});
  EXPECT_EQ(list_of<int64_t>(sums.value().sums), (std::vector<int64_t>{32768, -7}));
  EXPECT_EQ(sums->fraction_bits, 3);
}

TEST(Clip, BoundsMayBeAbsentOrCross) {
  const Tensor x = Tensor::of<float>({4}, {-3, -1, 1, 3}), low = Tensor::scalar(-2.0f),
               high = Tensor::scalar(2.0f);
  EXPECT_EQ(list_of<float>(run_layer("Clip", {}, {&x, &low, &high})[0]), (std::vector<float>{-2, -1, 1, 2}));
  EXPECT_EQ(list_of<float>(run_layer("Clip", {}, {&x, nullptr, &high})[0]),
            (std::vector<float>{-3, -1, 1, 2}));
  EXPECT_EQ(list_of<float>(run_layer("Clip", {}, {&x, &low})[0]), (std::vector<float>{-2, -1, 1, 3}));
  EXPECT_EQ(list_of<float>(run_layer("Clip", {}, {&x})[0]), (std::vector<float>{-3, -1, 1, 3}));
  EXPECT_EQ(list_of<float>(run_layer("Clip", {}, {&x, &high, &low})[0]),
            (std::vector<float>{-2, -2, -2, -2}));
}

TEST(Clip, OldAttributesBecomeInputs) {
  LayerArguments arguments;
  arguments.opset = 6;
  arguments.operator_name = "Clip";
  arguments.attributes = {{"max", 6.0f}};
  arguments.inputs.resize(1);
  const auto layer = make_layer(arguments);
  ASSERT_EQ(arguments.inputs.size(), 3u);
  EXPECT_FALSE(arguments.inputs[1].present);
  EXPECT_EQ(list_of<float>(arguments.inputs[2].new_constant.value()), (std::vector<float>{6}));
  EXPECT_TRUE(layer->attributes().entries().empty());
}

TEST(Clip, IntegersAreClippedInTheirType) {
  const Tensor x = Tensor::of<uint8_t>({3}, {0, 100, 255}), high = Tensor::scalar(uint8_t{200});
  EXPECT_EQ(list_of<uint8_t>(run_layer("Clip", {}, {&x, nullptr, &high})[0]),
            (std::vector<uint8_t>{0, 100, 200}));
}

TEST(Cast, FollowsTheConversionOfTensors) {
  const Tensor x = Tensor::of<float>({5}, {-1.5f, 0.0f, 0.5f, 300.0f, kNan});
  EXPECT_EQ(list_of<uint8_t>(run_layer("Cast", {{"to", int64_t{2}}}, {&x})[0]),
            (std::vector<uint8_t>{0, 0, 0, 255, 0}));
  EXPECT_EQ(list_of<int32_t>(run_layer("Cast", {{"to", int64_t{6}}}, {&x})[0]),
            (std::vector<int32_t>{-1, 0, 0, 300, 0}));
  const Tensor truth = run_layer("Cast", {{"to", int64_t{9}}}, {&x})[0];
  EXPECT_EQ(std::vector<bool>(truth.values<bool>().begin(), truth.values<bool>().end()),
            (std::vector<bool>{true, false, true, true, true}));
}

TEST(Cast, EveryTypeHasItsNumber) {
  for (const int64_t number : {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16}) {
    EXPECT_EQ(made_layer("Cast", {{"to", number}}, 1)->attributes().integer("to", 0), number);
  }
  for (const int64_t number : {0, 8, 14, 17, -1})
    EXPECT_THROW(made_layer("Cast", {{"to", number}}, 1), Error) << number;
  EXPECT_EQ(made_layer("Cast", {{"to", std::string("DOUBLE")}}, 1, 1, 1)->attributes().integer("to", 0), 11);
}

TEST(Dropout, IsTheIdentityWithAMaskOfTrue) {
  const Tensor x = Tensor::of<float>({2}, {1, 2});
  const std::vector<Tensor> outputs = run_layer("Dropout", {}, {&x}, 2);
  EXPECT_EQ(outputs[0], x);
  EXPECT_EQ(count_nonzero(outputs[1]), 2);
  EXPECT_EQ(outputs[1].type(), DataType::boolean);
  const Tensor ratio = Tensor::scalar(0.5f), training = Tensor::scalar(true);
  EXPECT_THROW(run_layer("Dropout", {}, {&x, &ratio, &training}), Error);
}

TEST(Elementwise, CodesOfRectifiersStayCodes) {
  EXPECT_TRUE(made_layer("Relu", {}, 1)->keeps_codes());
  EXPECT_FALSE(made_layer("LeakyRelu", {}, 1)->keeps_codes());
  EXPECT_FALSE(made_layer("Abs", {}, 1)->keeps_codes());
}

}  // namespace
}  // namespace deltahop
