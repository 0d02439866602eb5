// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

// A tensor, some of its axes, and where each of its elements goes.
struct Case {
  Tensor data;
  Integers axes;
  Shape kept;  // with the reduced axes as 1

  explicit Case(Random& random)
      : data(random_tensor(random, random_shape(random, static_cast<size_t>(random.integer(1, 4)), 5))) {
    kept = data.shape();
    for (size_t axis = 0; axis < data.rank(); ++axis) {
      if (!random.chance(0.5)) continue;
      const int64_t rank = static_cast<int64_t>(data.rank());
      axes.push_back(random.chance(0.5) ? static_cast<int64_t>(axis) : static_cast<int64_t>(axis) - rank);
      kept[axis] = 1;
    }
    if (axes.empty()) {
      axes.push_back(0);
      kept[0] = 1;
    }
  }

  Index target(Index index) const {
    for (size_t axis = 0; axis < index.size(); ++axis) index[axis] = std::min(index[axis], kept[axis] - 1);
    return index;
  }
};

TEST(Reduce, EveryRuleFollowsItsDefinition) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    const Case one_case(random);
    std::map<Index, std::vector<double>> terms;
    for_each_index(one_case.data.shape(), [&](const Index& index) {
      terms[one_case.target(index)].push_back(static_cast<double>(at<float>(one_case.data, index)));
    });
    const Tensor axes = integers(one_case.axes);
    const Tensor sum = run_layer("ReduceSum", {}, {&one_case.data, &axes})[0];
    const Attributes attributes = {{"axes", one_case.axes}};
    const Tensor mean = run_layer("ReduceMean", attributes, {&one_case.data})[0];
    const Tensor most = run_layer("ReduceMax", attributes, {&one_case.data})[0];
    const Tensor squares = run_layer("ReduceSumSquare", attributes, {&one_case.data})[0];
    ASSERT_EQ(sum.shape(), one_case.kept);
    for (const auto& [index, values] : terms) {
      double total = 0, square = 0, largest = -INFINITY;
      for (const double value : values) {
        total += value;
        square += value * value;
        largest = std::max(largest, value);
      }
      ASSERT_NEAR(at<float>(sum, index), total, 1e-5);
      ASSERT_NEAR(at<float>(mean, index), total / static_cast<double>(values.size()), 1e-6);
      ASSERT_NEAR(at<float>(squares, index), square, 1e-5 * (1 + square));
      ASSERT_EQ(at<float>(most, index), static_cast<float>(largest));
    }
  }
}

TEST(Reduce, DimensionsAreDroppedWhereAsked) {
  const Tensor x = counting_tensor({2, 3, 4});
  EXPECT_EQ(run_layer("ReduceMean", {{"axes", Integers{-2}}, {"keepdims", int64_t{0}}}, {&x})[0].shape(),
            (Shape{2, 4}));
  EXPECT_EQ(run_layer("ReduceMean", {}, {&x})[0].shape(), (Shape{1, 1, 1}));
  EXPECT_EQ(run_layer("ReduceMean", {{"keepdims", int64_t{0}}}, {&x})[0].values<float>()[0], 11.5f);
}

TEST(Reduce, NoAxesMeanAllOrNone) {
  const Tensor x = Tensor::of<float>({2}, {3, 4}), none = integers({});
  const Attributes noop = {{"noop_with_empty_axes", int64_t{1}}};
  EXPECT_EQ(list_of<float>(run_layer("ReduceSum", {}, {&x, &none})[0]), (std::vector<float>{7}));
  EXPECT_EQ(list_of<float>(run_layer("ReduceSum", noop, {&x, &none})[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ(list_of<float>(run_layer("ReduceSum", noop, {&x})[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ(list_of<float>(run_layer("ReduceSumSquare", noop, {&x}, 1, 18)[0]), (std::vector<float>{9, 16}));
}

TEST(Reduce, AxesMoveToWhereOpset17WantsThem) {
  LayerArguments old_sum;
  old_sum.operator_name = "ReduceSum";
  old_sum.opset = 11;
  old_sum.attributes = {{"axes", Integers{1}}};
  old_sum.inputs.resize(1);
  const auto sum = make_layer(old_sum);
  ASSERT_EQ(old_sum.inputs.size(), 2u);
  EXPECT_EQ(old_sum.inputs[1].new_constant.value(), integers({1}));
  EXPECT_FALSE(sum->attributes().has("axes"));

  const Tensor axes = integers({-1});
  LayerArguments new_mean;
  new_mean.operator_name = "ReduceMean";
  new_mean.opset = 18;
  new_mean.inputs.resize(2);
  new_mean.inputs[1].constant = &axes;
  const auto mean = make_layer(new_mean);
  EXPECT_EQ(new_mean.inputs.size(), 1u);
  EXPECT_EQ(mean->attributes().integers("axes"), (Integers{-1}));
}

TEST(Reduce, BadAxesAreRefused) {
  const Tensor x = counting_tensor({2, 3});
  for (const Integers& axes : {Integers{2}, Integers{-3}, Integers{0, 0}, Integers{1, -1},
                               Integers{std::numeric_limits<int64_t>::lowest()}}) {
    const Tensor input = integers(axes);
    EXPECT_THROW(run_layer("ReduceMax", {{"axes", axes}}, {&x}), Error);
    EXPECT_THROW(run_layer("ReduceSum", {}, {&x, &input}), Error);
  }
}

TEST(Reduce, EmptyAxesGiveTheNeutralElement) {
  const Tensor nothing(DataType::float32, {2, 0}), axes = integers({1});
  EXPECT_EQ(list_of<float>(run_layer("ReduceSum", {}, {&nothing, &axes})[0]), (std::vector<float>{0, 0}));
  EXPECT_EQ(run_layer("ReduceMax", {{"axes", Integers{1}}}, {&nothing})[0].values<float>()[0], -INFINITY);
  const Tensor no_integers(DataType::int32, {2, 0});
  EXPECT_THROW(run_layer("ReduceMax", {{"axes", Integers{1}}}, {&no_integers}), Error);
  EXPECT_THROW(run_layer("ReduceMean", {{"axes", Integers{1}}}, {&no_integers}), Error);
}

TEST(Reduce, IntegersAndBooleansKeepTheirType) {
  const Tensor x = Tensor::of<int32_t>({4}, {7, -2, 0, 4});
  EXPECT_EQ(run_layer("ReduceMean", {}, {&x})[0].values<int32_t>()[0], 2);
  const Tensor truth = x.converted(DataType::boolean);
  EXPECT_TRUE(run_layer("ReduceMax", {}, {&truth})[0].values<bool>()[0]);
  EXPECT_THROW(run_layer("ReduceSum", {}, {&truth}), Error);
}

TEST(Reduce, SumsOfCodesAreExact) {
  Random random(4);
  const Tensor codes = random_codes<int16_t>(random, {3, 50, 4}, -32768, 32767), axes = integers({1});
  const IntegerValue inputs[] = {{&codes, 9}, {&axes, 0}};
  const auto sum = made_layer("ReduceSum", {{"keepdims", int64_t{0}}}, 2)->accumulate(inputs, {});
  const auto mean = made_layer("ReduceMean", {{"axes", Integers{1}}}, 1)->accumulate({inputs, 1}, {});
  ASSERT_TRUE(sum && mean);
  EXPECT_EQ(sum->sums.shape(), (Shape{3, 4}));
  EXPECT_EQ(mean->sums.shape(), (Shape{3, 1, 4}));
  EXPECT_EQ(mean->divisor, 50);
  for_each_index({3, 4}, [&](const Index& index) {
    int64_t expected = 0;
    for (int64_t row = 0; row < 50; ++row) expected += at<int16_t>(codes, {index[0], row, index[1]});
    ASSERT_EQ(at<int64_t>(sum->sums, index), expected);
    ASSERT_EQ(at<int64_t>(mean->sums, {index[0], 0, index[1]}), expected);
  });
  EXPECT_FALSE(made_layer("ReduceMax", {}, 1)->accumulate({inputs, 1}, {}).has_value());
}

TEST(ArgMax, FindsTheFirstOrTheLastLargest) {
  const Tensor x = Tensor::of<float>({2, 4}, {1, 5, 5, 2, 7, 0, 7, 7});
  EXPECT_EQ(list_of<int64_t>(run_layer("ArgMax", {{"axis", int64_t{1}}}, {&x})[0]), (Integers{1, 0}));
  EXPECT_EQ(list_of<int64_t>(
                run_layer("ArgMax", {{"axis", int64_t{-1}}, {"select_last_index", int64_t{1}}}, {&x})[0]),
            (Integers{2, 3}));
  const Tensor columns = run_layer("ArgMax", {{"keepdims", int64_t{0}}}, {&x})[0];
  EXPECT_EQ(columns.shape(), (Shape{4}));
  EXPECT_EQ(list_of<int64_t>(columns), (Integers{1, 0, 1, 1}));
}

TEST(ArgMax, NanIsTheLargestAndAnEmptyAxisHasNone) {
  const Tensor x = Tensor::of<float>({3}, {1, std::numeric_limits<float>::quiet_NaN(), 9});
  EXPECT_EQ(run_layer("ArgMax", {}, {&x})[0].values<int64_t>()[0], 1);
  const Tensor nothing(DataType::float32, {0, 2});
  EXPECT_THROW(run_layer("ArgMax", {}, {&nothing}), Error);
  EXPECT_EQ(run_layer("ArgMax", {{"axis", int64_t{1}}}, {&nothing})[0].size(), 0);
}

}  // namespace
}  // namespace deltahop
