// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/strided_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

// A permuted view of a random block, cut and reversed along some axes.
struct View {
  Shape shape;
  std::vector<int64_t> steps;
  int64_t first = 0;

  View(Random& random, const Shape& source) {
    std::vector<size_t> order(source.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i) - 1))]);
    const std::vector<int64_t> strides = strides_of(source);
    for (const size_t axis : order) {
      const int64_t begin = random.integer(0, source[axis] - 1),
                    step = random.chance(0.6) ? 1 : random.integer(2, 3);
      const bool backwards = random.chance(0.3);
      const int64_t room = backwards ? begin : source[axis] - 1 - begin;
      shape.push_back(room / step + 1);
      steps.push_back(strides[axis] * (backwards ? -step : step));
      first += begin * strides[axis];
    }
  }

  int64_t position(const Index& index) const {
    return std::inner_product(index.begin(), index.end(), steps.begin(), first);
  }
};

template <class T>
void check_random_views(uint64_t seed) {
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    const Tensor source =
        counting_tensor<T>(random_shape(random, static_cast<size_t>(random.integer(0, 4)), 5));
    const View view(random, source.shape());
    const Tensor gathered = gather_strided(source, view.first, view.shape, view.steps);
    Tensor target(source.type(), source.shape());
    scatter_strided(gathered, target, view.first, view.steps);
    for_each_index(view.shape, [&](const Index& index) {
      const size_t position = static_cast<size_t>(view.position(index));
      ASSERT_EQ(at<T>(gathered, index), source.values<T>()[position]);
      ASSERT_EQ(target.values<T>()[position], source.values<T>()[position]);
    });
  }
}

TEST(StridedCopy, MovesEveryElementOfAnyView) {
  check_random_views<uint8_t>(1);
  check_random_views<int16_t>(2);
  check_random_views<float>(3);
  check_random_views<int64_t>(4);
}

TEST(StridedCopy, TilesLeaveNothingOut) {
  const Tensor source = counting_tensor<int32_t>({3, 70, 45});
  const Tensor transposed = gather_strided(source, 0, {45, 3, 70}, {1, 3150, 45});
  for_each_index({45, 3, 70}, [&](const Index& index) {
    ASSERT_EQ(at<int32_t>(transposed, index), at<int32_t>(source, {index[1], index[2], index[0]}));
  });
}

TEST(StridedCopy, AStepOfZeroRepeats) {
  const Tensor source = Tensor::of<float>({2}, {1, 2});
  EXPECT_EQ(list_of<float>(gather_strided(source, 0, {2, 3}, {1, 0})),
            (std::vector<float>{1, 1, 1, 2, 2, 2}));
}

}  // namespace
}  // namespace deltahop
