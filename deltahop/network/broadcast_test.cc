// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/broadcast.h"

#include <gtest/gtest.h>

#include "deltahop/network/index_testing.h"

namespace deltahop {
namespace {

TEST(Broadcast, ShapesAreAlignedAtTheirLastAxis) {
  EXPECT_EQ(broadcast_shape(Shape{8, 1, 6, 1}, Shape{7, 1, 5}), (Shape{8, 7, 6, 5}));
  EXPECT_EQ(broadcast_shape(Shape{}, Shape{3}), (Shape{3}));
  EXPECT_EQ(broadcast_shape(Shape{1}, Shape{0}), (Shape{0}));
  EXPECT_THROW(broadcast_shape(Shape{3}, Shape{0}), Error);
  EXPECT_THROW(broadcast_shape(Shape{2, 3}, Shape{2}), Error);
}

TEST(Broadcast, EveryElementMeetsItsCounterpart) {
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    const Shape full = random_shape(random, static_cast<size_t>(random.integer(0, 5)), 4);
    const Tensor a = counting_tensor<int32_t>(random_part(random, full)),
                 b = counting_tensor<int32_t>(random_part(random, full));
    const BroadcastLoops loops = BroadcastLoops::of({a.shape(), b.shape()});
    Tensor out(DataType::int32, loops.shape);
    combine(loops, a.values<int32_t>().data(), b.values<int32_t>().data(), out.values<int32_t>().data(),
            [](int32_t x, int32_t y) { return 1000 * x + y; });
    for_each_index(out.shape(), [&](const Index& index) {
      ASSERT_EQ(at<int32_t>(out, index),
                1000 * stretched_at<int32_t>(a, index) + stretched_at<int32_t>(b, index))
          << to_text(a.shape()) << " with " << to_text(b.shape());
    });
  }
}

TEST(Broadcast, EqualShapesAreOneRun) {
  const BroadcastLoops loops = BroadcastLoops::of({{2, 3, 4}, {2, 3, 4}});
  EXPECT_EQ(loops.sizes, (std::vector<int64_t>{24}));
}

TEST(Broadcast, ABiasAChannelIsARunAPlane) {
  const BroadcastLoops loops = BroadcastLoops::of({{1, 3, 4, 5}, {3, 1, 1}});
  EXPECT_EQ(loops.sizes, (std::vector<int64_t>{3, 20}));
  EXPECT_EQ(loops.run_step(1), 0);
}

}  // namespace
}  // namespace deltahop
