// SPDX-License-Identifier: Apache-2.0
// Layers that make or change shapes: Reshape, Flatten, Squeeze, Unsqueeze, Shape, constants, and Pad.
#include <gtest/gtest.h>

#include <limits>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

constexpr int64_t kFarLeft = std::numeric_limits<int64_t>::lowest(),
                  kFarRight = std::numeric_limits<int64_t>::max();

Shape reshaped(const Shape& from, const Integers& to, bool allow_zero = false) {
  const Tensor x(DataType::float32, from), shape = integers(to);
  return run_layer("Reshape", {{"allowzero", int64_t{allow_zero}}}, {&x, &shape})[0].shape();
}

TEST(Reshape, ZeroCopiesAndMinusOneTakesTheRest) {
  EXPECT_EQ(reshaped({2, 3, 4}, {4, 6}), (Shape{4, 6}));
  EXPECT_EQ(reshaped({2, 3, 4}, {0, -1}), (Shape{2, 12}));
  EXPECT_EQ(reshaped({2, 3, 4}, {-1}), (Shape{24}));
  EXPECT_EQ(reshaped({1}, {}), (Shape{}));
  EXPECT_EQ(reshaped({0, 3}, {3, 0}, true), (Shape{3, 0}));
}

TEST(Reshape, RefusesWhatDoesNotComeOut) {
  EXPECT_THROW(reshaped({2, 3}, {4, -1}), Error);
  EXPECT_THROW(reshaped({2, 3}, {5}), Error);
  EXPECT_THROW(reshaped({0, 3}, {0, -1}), Error);  // of nothing, any number could be left
  EXPECT_THROW(reshaped({2, 3}, {-1, -1}), Error);
  EXPECT_THROW(reshaped({2, 3}, {2, 3, 0}), Error);
  EXPECT_THROW(reshaped({2, 3}, {-2, -3}), Error);
  EXPECT_THROW(reshaped({2, 3}, {kFarRight, kFarRight}), Error);
  EXPECT_THROW(reshaped({2, 3}, {kFarLeft}), Error);
}

TEST(Reshape, KeepsTheOrderOfElements) {
  const Tensor x = counting_tensor({2, 3}), shape = integers({3, 2});
  EXPECT_EQ(list_of<float>(run_layer("Reshape", {}, {&x, &shape})[0]), list_of<float>(x));
}

TEST(Reshape, OldShapeBecomesAnInput) {
  LayerArguments arguments;
  arguments.operator_name = "Reshape";
  arguments.opset = 1;
  arguments.attributes = {{"shape", Integers{0, -1}}};
  arguments.inputs.resize(1);
  make_layer(arguments);
  EXPECT_EQ(arguments.inputs.at(1).new_constant.value(), integers({0, -1}));
}

TEST(Flatten, CutsAtAnyAxis) {
  const Tensor x(DataType::float32, {2, 3, 4});
  const Shape expected[] = {{1, 24}, {2, 12}, {6, 4}, {24, 1}};
  for (int64_t axis = 0; axis <= 3; ++axis) {
    EXPECT_EQ(run_layer("Flatten", {{"axis", axis}}, {&x})[0].shape(), expected[axis]);
    if (axis == 3) break;  // there is no negative name for the place behind the last axis
    EXPECT_EQ(run_layer("Flatten", {{"axis", axis - 3}}, {&x})[0].shape(), expected[axis]);
  }
  EXPECT_THROW(run_layer("Flatten", {{"axis", int64_t{4}}}, {&x}), Error);
  EXPECT_THROW(run_layer("Flatten", {{"axis", int64_t{-4}}}, {&x}), Error);
}

TEST(Squeeze, UnsqueezePutsBackWhatItTakes) {
  const Tensor x = counting_tensor({1, 3, 1, 2}), axes = integers({-2, 0});
  const Tensor squeezed = run_layer("Squeeze", {}, {&x, &axes})[0];
  EXPECT_EQ(squeezed.shape(), (Shape{3, 2}));
  EXPECT_EQ(run_layer("Unsqueeze", {}, {&squeezed, &axes})[0], x);
  EXPECT_EQ(run_layer("Squeeze", {}, {&x})[0].shape(), (Shape{3, 2}));
  const Tensor wide = integers({1}), twice = integers({0, -4}), far = integers({4});
  EXPECT_THROW(run_layer("Squeeze", {}, {&x, &wide}), Error);
  EXPECT_THROW(run_layer("Squeeze", {}, {&x, &twice}), Error);
  EXPECT_THROW(run_layer("Squeeze", {}, {&x, &far}), Error);
  const Tensor beyond = integers({5});
  EXPECT_THROW(run_layer("Unsqueeze", {}, {&x, &beyond}), Error);
  EXPECT_THROW(run_layer("Unsqueeze", {}, {&x}), Error);
}

TEST(Shape, GivesTheDimensionsFromStartToEnd) {
  const Tensor x(DataType::float32, {2, 3, 4});
  EXPECT_EQ(list_of<int64_t>(run_layer("Shape", {}, {&x})[0]), (Integers{2, 3, 4}));
  EXPECT_EQ(list_of<int64_t>(run_layer("Shape", {{"start", int64_t{-1}}}, {&x})[0]), (Integers{4}));
  EXPECT_EQ(list_of<int64_t>(run_layer("Shape", {{"start", int64_t{1}}, {"end", int64_t{-1}}}, {&x})[0]),
            (Integers{3}));
  EXPECT_EQ(list_of<int64_t>(run_layer("Shape", {{"start", kFarLeft}, {"end", kFarRight}}, {&x})[0]),
            (Integers{2, 3, 4}));
  EXPECT_EQ(list_of<int64_t>(run_layer("Shape", {{"start", int64_t{2}}, {"end", int64_t{1}}}, {&x})[0]),
            (Integers{}));
}

TEST(Constant, HasOneSpellingATime) {
  const auto value = [](Attributes attributes) {
    return run_layer("Constant", std::move(attributes), {})[0];
  };
  EXPECT_EQ(value({{"value", integers({1, 2})}}), integers({1, 2}));
  EXPECT_EQ(value({{"value_int", int64_t{5}}}), Tensor::scalar(int64_t{5}));
  EXPECT_EQ(value({{"value_ints", Integers{5, 6}}}), integers({5, 6}));
  EXPECT_EQ(value({{"value_float", 0.5f}}), Tensor::scalar(0.5f));
  EXPECT_EQ(value({{"value_floats", std::vector<float>{0.5f}}}), Tensor::of<float>({1}, {0.5f}));
  EXPECT_THROW(value({}), Error);
  EXPECT_THROW(value({{"value_int", int64_t{5}}, {"value_float", 1.0f}}), Error);
  EXPECT_THROW(value({{"value_string", std::string("x")}}), Error);
}

TEST(ConstantOfShape, FillsTheShape) {
  const Tensor shape = integers({2, 2}), negative = integers({-1}), huge = integers({kFarRight, 2});
  EXPECT_EQ(run_layer("ConstantOfShape", {}, {&shape})[0], Tensor(DataType::float32, {2, 2}));
  EXPECT_EQ(run_layer("ConstantOfShape", {{"value", integers({7})}}, {&shape})[0],
            Tensor::of<int64_t>({2, 2}, {7, 7, 7, 7}));
  EXPECT_THROW(run_layer("ConstantOfShape", {}, {&negative}), Error);
  EXPECT_THROW(run_layer("ConstantOfShape", {}, {&huge}), Error);
  EXPECT_THROW(made_layer("ConstantOfShape", {{"value", integers({7, 8})}}, 1), Error);
}

// What numpy.pad shows at a position of one axis, counted from the first element of the data; -1 for the
// constant.
int64_t padded_source(const std::string& mode, int64_t position, int64_t size) {
  if (position >= 0 && position < size) return position;
  if (mode == "constant") return -1;
  if (mode == "edge") return position < 0 ? 0 : size - 1;
  if (mode == "wrap") return ((position % size) + size) % size;
  return position < 0 ? -position : 2 * size - 2 - position;
}

TEST(Pad, FollowsNumpyInEveryMode) {
  Random random(8);
  for (const std::string mode : {"constant", "edge", "reflect", "wrap"}) {
    for (int round = 0; round < 60; ++round) {
      const Tensor x = counting_tensor(random_shape(random, static_cast<size_t>(random.integer(1, 3)), 5));
      Integers pads;
      for (int side = 0; side < 2; ++side) {
        for (const int64_t size : x.shape())
          pads.push_back(random.integer(-(size / 2), mode == "reflect" ? size - 1 : 4));
      }
      const Tensor amounts = integers(pads), value = Tensor::scalar(-7.0f);
      const Tensor y = run_layer("Pad", {{"mode", mode}}, {&x, &amounts, &value})[0];
      for_each_index(y.shape(), [&](const Index& index) {
        Index source(index.size());
        bool outside = false;
        for (size_t axis = 0; axis < index.size(); ++axis) {
          source[axis] = padded_source(mode, index[axis] - pads[axis], x.dim(axis));
          outside = outside || source[axis] < 0;
        }
        ASSERT_EQ(at<float>(y, index), outside ? -7.0f : at<float>(x, source)) << mode;
      });
    }
  }
}

TEST(Pad, AxesMayBeNamed) {
  const Tensor x = counting_tensor({2, 3}), pads = integers({1, 2}), axes = integers({-1}), value;
  const Tensor y = run_layer("Pad", {}, {&x, &pads, nullptr, &axes})[0];
  EXPECT_EQ(list_of<float>(y), (std::vector<float>{0, 0, 1, 2, 0, 0, 0, 3, 4, 5, 0, 0}));
}

TEST(Pad, CodesArePaddedWithZeroOnly) {
  EXPECT_TRUE(made_layer("Pad", {{"pads", Integers{1, 1}}}, 1, 1, 2)->keeps_codes());
  EXPECT_FALSE(made_layer("Pad", {{"pads", Integers{1, 1}}, {"value", 1.0f}}, 1, 1, 2)->keeps_codes());
  EXPECT_TRUE(made_layer("Pad", {{"mode", std::string("edge")}}, 2)->keeps_codes());
  EXPECT_FALSE(made_layer("Pad", {}, 3)->keeps_codes());  // a value that is not known
}

TEST(Pad, HostileAmountsAreRefused) {
  const Tensor x = counting_tensor({3});
  const auto padded = [&](const std::string& mode, const Integers& pads) {
    const Tensor amounts = integers(pads);
    return run_layer("Pad", {{"mode", mode}}, {&x, &amounts})[0].shape();
  };
  EXPECT_THROW(padded("constant", {kFarRight, kFarRight}), Error);
  EXPECT_THROW(padded("constant", {kFarLeft, 0}), Error);
  EXPECT_THROW(padded("constant", {-2, -2}), Error);
  EXPECT_THROW(padded("constant", {1}), Error);
  EXPECT_THROW(padded("reflect", {3, 0}), Error);
  EXPECT_THROW(padded("mirror", {1, 0}), Error);
  EXPECT_EQ(padded("constant", {-2, -1}), (Shape{0}));
  EXPECT_EQ(padded("constant", {-4, 4}), (Shape{3}));
}

}  // namespace
}  // namespace deltahop
