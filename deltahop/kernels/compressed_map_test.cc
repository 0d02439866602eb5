// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/compressed_map.h"

#include <vector>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

template <class T>
std::vector<T> random_values(Random& random, int64_t count, double sparsity) {
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) value = random.chance(sparsity) ? T{0} : static_cast<T>(random.integer(1, 255));
  return values;
}

template <class T>
void check_order(ChannelOrder order) {
  on_every_target([&] {
    Random random(1);
    for (int i = 0; i < 60; ++i) {
      const int64_t rows = random.integer(1, 5), columns = random.integer(1, 9),
                    channels = random.integer(1, 200);
      const auto dense = random_values<T>(random, rows * columns * channels, random.uniform());
      CompressedMap<T> map(rows, columns, channels);
      compress(std::span<const T>(dense), order, map);
      std::vector<T> back(dense.size(), T{7});
      expand(map, order, std::span<T>(back));
      ASSERT_EQ(back, dense);
    }
  });
}

TEST(CompressedMap, ExpandsToWhatWasCompressed) {
  for (const ChannelOrder order : {ChannelOrder::last, ChannelOrder::first}) {
    check_order<uint8_t>(order);
    check_order<float>(order);
  }
}

TEST(CompressedMap, HoldsABitForEachChannelAndItsValueWhereItIsNotZero) {
  CompressedMap<uint8_t> map(1, 2, 66);
  std::vector<uint8_t> dense(132);  // two pixels
  dense[3] = 10;
  dense[65] = 11;
  dense[66 + 5] = 12;
  compress(std::span<const uint8_t>(dense), ChannelOrder::last, map);
  EXPECT_EQ(map.bitmaps(0, 0)[0], uint64_t{1} << 3);
  EXPECT_EQ(map.bitmaps(0, 0)[1], uint64_t{1} << 5);
  EXPECT_EQ(map.bitmaps(1, 0)[0], uint64_t{1} << 1);
  EXPECT_EQ(map.bitmaps(1, 0)[1], uint64_t{0});
  EXPECT_EQ(map.values(0, 0)[0], 10);
  EXPECT_EQ(map.values(0, 0)[1], 12);
  EXPECT_EQ(map.values(1, 0)[0], 11);
  EXPECT_EQ(map.nonzeros(), 3);
  EXPECT_EQ(map.bytes(), 4 * 8 + 3);
}

TEST(CompressedMap, BothOrdersOfChannelsGiveTheSameMap) {
  Random random(2);
  const int64_t rows = 3, columns = 4, channels = 70;
  const auto last = random_values<float>(random, rows * columns * channels, 0.6);
  std::vector<float> first(last.size());
  for (int64_t i = 0; i < rows * columns; ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      first[static_cast<size_t>(c * rows * columns + i)] = last[static_cast<size_t>(i * channels + c)];
    }
  }
  CompressedMap<float> map(rows, columns, channels);
  compress(std::span<const float>(first), ChannelOrder::first, map);
  std::vector<float> back(last.size());
  expand(map, ChannelOrder::last, std::span<float>(back));
  EXPECT_EQ(back, last);
}

}  // namespace
}  // namespace deltahop
