// SPDX-License-Identifier: Apache-2.0
// Layers that only move elements: each is held against the plain statement of where an element comes from.
#include <gtest/gtest.h>

#include <limits>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

constexpr int64_t kFarLeft = std::numeric_limits<int64_t>::lowest(),
                  kFarRight = std::numeric_limits<int64_t>::max();

TEST(Concat, SplitTakesItApartAgain) {
  Random random(1);
  for (int round = 0; round < 100; ++round) {
    const Shape shape = random_shape(random, static_cast<size_t>(random.integer(1, 4)), 4);
    const int64_t rank = static_cast<int64_t>(shape.size()), axis = random.integer(-rank, rank - 1);
    std::vector<Tensor> parts;
    Integers sizes;
    for (int64_t i = 0; i < random.integer(1, 3); ++i) {
      Shape part = shape;
      sizes.push_back(part[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = random.integer(0, 4));
      parts.push_back(random_tensor(random, part));
    }
    std::vector<const Tensor*> pointers;
    for (const Tensor& part : parts) pointers.push_back(&part);
    const Tensor whole = run_layer("Concat", {{"axis", axis}}, pointers)[0], split = integers(sizes);
    const auto pieces =
        run_layer("Split", {{"axis", axis}}, {&whole, &split}, static_cast<int>(parts.size()));
    for (size_t i = 0; i < parts.size(); ++i) ASSERT_EQ(pieces[i], parts[i]);
  }
}

TEST(Concat, RefusesWhatDoesNotContinue) {
  const Tensor a = counting_tensor({2, 3}), b = counting_tensor({2, 4}), c = counting_tensor({2}),
               d = counting_tensor<int32_t>({2, 3});
  EXPECT_EQ(run_layer("Concat", {{"axis", int64_t{1}}}, {&a, &b})[0].shape(), (Shape{2, 7}));
  EXPECT_THROW(run_layer("Concat", {{"axis", int64_t{0}}}, {&a, &b}), Error);
  EXPECT_THROW(run_layer("Concat", {{"axis", int64_t{0}}}, {&a, &c}), Error);
  EXPECT_THROW(run_layer("Concat", {{"axis", int64_t{0}}}, {&a, &d}), Error);
  EXPECT_THROW(run_layer("Concat", {{"axis", int64_t{2}}}, {&a, &a}), Error);
  EXPECT_THROW(made_layer("Concat", {}, 2), Error);
  EXPECT_EQ(made_layer("Concat", {}, 2, 1, 1)->attributes().integer("axis", 0), 1);  // opset 1 had a default
}

TEST(Split, EveryFormCutsTheSame) {
  const Tensor x = counting_tensor({7});
  const auto lengths = [&](Attributes attributes, const Tensor* sizes, int outputs, int opset) {
    Integers result;
    const auto pieces = sizes == nullptr
                            ? run_layer("Split", std::move(attributes), {&x}, outputs, opset)
                            : run_layer("Split", std::move(attributes), {&x, sizes}, outputs, opset);
    for (const Tensor& piece : pieces) result.push_back(piece.size());
    return result;
  };
  EXPECT_EQ(lengths({{"num_outputs", int64_t{3}}}, nullptr, 3, 18), (Integers{3, 3, 1}));
  EXPECT_EQ(lengths({{"num_outputs", int64_t{4}}}, nullptr, 4, 18), (Integers{2, 2, 2, 1}));
  const Tensor sizes = integers({2, 0, 5}), short_sizes = integers({2, 4}), negative = integers({9, -2});
  EXPECT_EQ(lengths({}, &sizes, 3, 13), (Integers{2, 0, 5}));
  EXPECT_THROW(lengths({}, &short_sizes, 2, 13), Error);
  EXPECT_THROW(lengths({}, &negative, 2, 13), Error);
  EXPECT_THROW(lengths({}, &sizes, 2, 13), Error);
  EXPECT_THROW(lengths({{"num_outputs", int64_t{5}}}, nullptr, 3, 18), Error);
}

TEST(Split, OldSizesBecomeAnInput) {
  LayerArguments arguments;
  arguments.operator_name = "Split";
  arguments.opset = 11;
  arguments.attributes = {{"split", Integers{1, 2}}};
  arguments.inputs.resize(1);
  arguments.output_count = 2;
  const auto layer = make_layer(arguments);
  EXPECT_EQ(arguments.inputs.at(1).new_constant.value(), integers({1, 2}));
  EXPECT_FALSE(layer->attributes().has("split"));
}

// The rule for one axis: the indices start, start + step, ... strictly before the end, both counted from the
// end where negative. Unlike Python, ONNX keeps a start before the first element inside when it steps
// backwards.
Integers plain_slice(int64_t size, int64_t start, int64_t end, int64_t step) {
  const auto bound = [&](int64_t position, int64_t low, int64_t high) {
    if (position < 0) position += size;
    return std::min(std::max(position, low), high);
  };
  Integers indices;
  if (step > 0) {
    for (int64_t i = bound(start, 0, size); i < bound(end, 0, size); i += step) indices.push_back(i);
  } else {
    for (int64_t i = bound(start, 0, size - 1); i > bound(end, -1, size - 1); i += step) indices.push_back(i);
  }
  return indices;
}

TEST(Slice, FollowsItsRuleForEveryStartEndAndStep) {
  const Tensor x = counting_tensor<int64_t>({5});
  for (int64_t start = -7; start <= 7; ++start) {
    for (int64_t end = -7; end <= 7; ++end) {
      for (const int64_t step : {-6, -2, -1, 1, 2, 3, 9}) {
        const Tensor starts = integers({start}), ends = integers({end}), axes = integers({0}),
                     steps = integers({step});
        ASSERT_EQ(list_of<int64_t>(run_layer("Slice", {}, {&x, &starts, &ends, &axes, &steps})[0]),
                  plain_slice(5, start, end, step))
            << start << ":" << end << ":" << step;
      }
    }
  }
}

TEST(Slice, ExtremesDoNotWrap) {
  const Tensor x = counting_tensor<int64_t>({5});
  const auto sliced = [&](int64_t start, int64_t end, int64_t step) {
    const Tensor starts = integers({start}), ends = integers({end}), axes = integers({0}),
                 steps = integers({step});
    return list_of<int64_t>(run_layer("Slice", {}, {&x, &starts, &ends, &axes, &steps})[0]);
  };
  EXPECT_EQ(sliced(kFarLeft, kFarRight, 1), (Integers{0, 1, 2, 3, 4}));
  EXPECT_EQ(sliced(kFarRight, kFarLeft, -1), (Integers{4, 3, 2, 1, 0}));
  EXPECT_EQ(sliced(1, kFarRight, kFarRight), (Integers{1}));
  EXPECT_EQ(sliced(-1, kFarLeft, kFarLeft), (Integers{4}));
  EXPECT_THROW(sliced(0, 5, 0), Error);
}

TEST(Slice, SeveralAxesAndTheOldForm) {
  const Tensor x = counting_tensor({4, 5, 6});
  const Tensor starts = integers({1, -2}), ends = integers({-1, kFarLeft}), axes = integers({0, -1}),
               steps = integers({1, -2});
  const Tensor y = run_layer("Slice", {}, {&x, &starts, &ends, &axes, &steps})[0];
  ASSERT_EQ(y.shape(), (Shape{2, 5, 3}));
  for_each_index(y.shape(), [&](const Index& index) {
    ASSERT_EQ(at<float>(y, index), at<float>(x, {index[0] + 1, index[1], 4 - 2 * index[2]}));
  });
  LayerArguments arguments;
  arguments.operator_name = "Slice";
  arguments.opset = 1;
  arguments.attributes = {{"starts", Integers{1}}, {"ends", Integers{9}}, {"axes", Integers{2}}};
  arguments.inputs.resize(1);
  make_layer(arguments);
  ASSERT_EQ(arguments.inputs.size(), 4u);
  EXPECT_EQ(arguments.inputs[3].new_constant.value(), integers({2}));
}

TEST(Slice, ListsOfDifferentLengthAndDoubledAxesAreRefused) {
  const Tensor x = counting_tensor({4, 4}), one = integers({1}), two = integers({2, 2}),
               doubled = integers({0, -2});
  EXPECT_THROW(run_layer("Slice", {}, {&x, &one, &two}), Error);
  EXPECT_THROW(run_layer("Slice", {}, {&x, &two, &two, &doubled}), Error);
  const Tensor far = integers({7});
  EXPECT_THROW(run_layer("Slice", {}, {&x, &one, &one, &far}), Error);
}

TEST(Gather, TakesTheNamedRows) {
  Random random(2);
  const Tensor x = counting_tensor({3, 4, 5}), indices = Tensor::of<int32_t>({2, 2}, {0, -1, 2, -4});
  const Tensor y = run_layer("Gather", {{"axis", int64_t{1}}}, {&x, &indices})[0];
  ASSERT_EQ(y.shape(), (Shape{3, 2, 2, 5}));
  for_each_index(y.shape(), [&](const Index& index) {
    const int64_t row = at<int32_t>(indices, {index[1], index[2]});
    ASSERT_EQ(at<float>(y, index), at<float>(x, {index[0], row < 0 ? row + 4 : row, index[3]}));
  });
}

TEST(Gather, RefusesIndicesOutsideTheAxis) {
  const Tensor x = counting_tensor({3});
  for (const int64_t index : {int64_t{3}, int64_t{-4}, kFarLeft, kFarRight}) {
    const Tensor indices = Tensor::scalar(index);
    EXPECT_THROW(run_layer("Gather", {}, {&x, &indices}), Error);
  }
  const Tensor nothing(DataType::float32, {0}), none(DataType::int64, {0}), zero = Tensor::scalar(int64_t{0});
  EXPECT_EQ(run_layer("Gather", {}, {&nothing, &none})[0].size(), 0);
  EXPECT_THROW(run_layer("Gather", {}, {&nothing, &zero}), Error);
}

TEST(Transpose, PutsEveryElementInItsPlace) {
  const Tensor x = counting_tensor({2, 3, 4, 5});
  const Tensor y = run_layer("Transpose", {{"perm", Integers{2, 0, 3, 1}}}, {&x})[0];
  ASSERT_EQ(y.shape(), (Shape{4, 2, 5, 3}));
  for_each_index(y.shape(), [&](const Index& i) {
    ASSERT_EQ(at<float>(y, i), at<float>(x, {i[1], i[3], i[0], i[2]}));
  });
  EXPECT_EQ(run_layer("Transpose", {}, {&x})[0].shape(), (Shape{5, 4, 3, 2}));
  for (const Integers& order : {Integers{0, 1, 2}, Integers{0, 1, 2, 2}, Integers{0, 1, 2, 4}}) {
    EXPECT_THROW(run_layer("Transpose", {{"perm", order}}, {&x}), Error);
  }
}

TEST(Expand, RepeatsAlongAxesOfOne) {
  const Tensor x = counting_tensor({3, 1}), shape = integers({2, 1, 6}), bad = integers({4, 6}),
               negative = integers({-1});
  const Tensor y = run_layer("Expand", {}, {&x, &shape})[0];
  ASSERT_EQ(y.shape(), (Shape{2, 3, 6}));
  for_each_index(y.shape(), [&](const Index& i) { ASSERT_EQ(at<float>(y, i), at<float>(x, {i[1], 0})); });
  EXPECT_THROW(run_layer("Expand", {}, {&x, &bad}), Error);
  EXPECT_THROW(run_layer("Expand", {}, {&x, &negative}), Error);
}

}  // namespace
}  // namespace deltahop
