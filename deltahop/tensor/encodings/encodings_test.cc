// SPDX-License-Identifier: Apache-2.0
// The codes against hand-made streams, against themselves (decode(encode(x)) = x) and against hostile
// streams.
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop {
namespace {

Tensor random_map(Random& random, Shape shape, double density) {
  Tensor map = Tensor::zeros(DataType::int16, std::move(shape));
  for (int16_t& value : map.values<int16_t>()) {
    if (!random.chance(density)) continue;
    do value = static_cast<int16_t>(random.integer(-32768, 32767));
    while (value == 0);
  }
  return map;
}

template <class Code>
void expect_round_trips(const Tensor& values) {
  const Code code = Code::encode(values);
  EXPECT_EQ(code.decode(), values);
}

TEST(SparsityMapTest, TwoChannelsOfThreePixelsGiveTheWordsOfThePublishedFormat) {
  // [C=2, H=2, W=3]; row 0 channel fastest: 1 0 | 0 -2 | 0 0; row 1: 0 0 | 0 0 | 0 7.
  const Tensor map = Tensor::of<int16_t>({2, 2, 3}, {1, 0, 0, 0, 0, 0, 0, -2, 0, 0, 0, 7});
  const SparsityMap code = SparsityMap::encode(map);
  const std::vector<uint16_t> expected = {0b001001, 1, 0xFFFE, 0b100000, 7};
  EXPECT_EQ(std::vector<uint16_t>(code.words().begin(), code.words().end()), expected);
  EXPECT_EQ(std::vector<int64_t>(code.row_starts().begin(), code.row_starts().end()),
            (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(code.decode(), map);
}

TEST(SparsityMapTest, AnEmptyWordHasNoPixelsAfterItAndTheSeventeenthPixelStartsAWord) {
  Tensor map = Tensor::zeros(DataType::int16, {17, 1, 1});
  map.values<int16_t>()[16] = 5;
  const SparsityMap code = SparsityMap::encode(map);
  const std::vector<uint16_t> expected = {0, 1, 5};
  EXPECT_EQ(std::vector<uint16_t>(code.words().begin(), code.words().end()), expected);
}

TEST(SparsityMapTest, SizeIsSixteenBitsAWordAndAValueWithRowsRoundedUp) {
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const MapShape shape{random.integer(1, 40), random.integer(1, 9), random.integer(1, 9)};
    const Tensor map = random_map(random, {1, shape.channels, shape.rows, shape.columns}, random.uniform());
    const SparsityMap code = SparsityMap::encode(map);
    const int64_t words = shape.rows * ((shape.columns * shape.channels + 15) / 16);
    EXPECT_EQ(code.size().number(), 16 * words + 16 * count_nonzero(map));
    EXPECT_EQ(code.size(), sparsity_map_bits(shape, count_nonzero(map)));
    EXPECT_EQ(code.decode(), map);
  }
}

TEST(SparsityMapTest, TruncatedLongAndForgedStreamsAreRefused) {
  Random random(2);
  const Tensor map = random_map(random, {3, 4, 5}, 0.5);
  const SparsityMap code = SparsityMap::encode(map);
  const std::vector<uint16_t> words(code.words().begin(), code.words().end());
  for (size_t length = 0; length < words.size(); ++length) {
    const std::vector<uint16_t> cut(words.begin(), words.begin() + static_cast<int64_t>(length));
    EXPECT_THROW(SparsityMap::from_words({3, 4, 5}, cut).decode(), Error) << length;
  }
  auto longer = words;
  longer.push_back(0);
  EXPECT_THROW(SparsityMap::from_words({3, 4, 5}, longer).decode(), Error);
  EXPECT_THROW(SparsityMap::from_words({1, 1, 3}, {0b1000, 4}).decode(), Error) << "a pixel beyond the row";
  EXPECT_THROW(SparsityMap::from_words({1, 1, 3}, {0b1, 0}).decode(), Error) << "a listed zero";
  EXPECT_THROW(SparsityMap::from_words({1 << 20, 1 << 20, 1 << 20}, words).decode(), Error);
  EXPECT_THROW(SparsityMap::from_words({-1, 4, 5}, words).decode(), Error);
}

TEST(RunLengthTest, ThreePairsShareAWordAndTheLastWordIsMarked) {
  const Tensor values = Tensor::of<int16_t>({7}, {0, 0, 9, -1, 0, 3, 4});
  const RunLength code = RunLength::encode(values);
  const uint64_t first =
      (2U | (9ULL << 5)) | ((0ULL | (0xFFFFULL << 5)) << 21) | ((1ULL | (3ULL << 5)) << 42);
  const uint64_t second = (0ULL | (4ULL << 5)) | (1ULL << 63);
  EXPECT_EQ(std::vector<uint64_t>(code.words().begin(), code.words().end()),
            (std::vector<uint64_t>{first, second}));
  EXPECT_EQ(code.size().number(), 128);
  EXPECT_EQ(code.decode(), values);
}

TEST(RunLengthTest, AStoredValueCostsSixtyFourThirdsBits) {
  const Tensor dense = Tensor::of<int16_t>({300}, std::vector<int16_t>(300, 7));
  EXPECT_EQ(RunLength::encode(dense).size().number(), 300 * 64 / 3);
}

TEST(RunLengthTest, ALongRunInsertsAZeroForEveryThirtyTwo) {
  Tensor values = Tensor::zeros(DataType::int16, {100});
  values.values<int16_t>()[99] = 1;  // 99 zeros: three stored zeros cover 96
  EXPECT_EQ(run_length_pairs(values.values<int16_t>()), 4);
  expect_round_trips<RunLength>(values);
  expect_round_trips<RunLength>(Tensor::zeros(DataType::int16, {100}));
  expect_round_trips<RunLength>(Tensor::zeros(DataType::int16, {0}));
}

TEST(RunLengthTest, EveryFormatRoundTripsAndItsSizeIsCountedWithoutTheCode) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const RunLengthFormat format{static_cast<int>(random.integer(1, 8)), 16,
                                 static_cast<int>(random.integer(1, 2))};
    const Tensor values = random_map(random, {random.integer(0, 300)}, random.uniform() * random.uniform());
    const RunLength code = RunLength::encode(values, format);
    EXPECT_EQ(code.decode(), values);
    EXPECT_EQ(code.size(), run_length_bits(values.values<int16_t>(), format));
  }
}

TEST(RunLengthTest, TruncatedAndForgedStreamsAreRefused) {
  Random random(4);
  const Tensor values = random_map(random, {200}, 0.3);
  const RunLength code = RunLength::encode(values);
  const std::vector<uint64_t> words(code.words().begin(), code.words().end());
  for (size_t length = 0; length < words.size(); ++length) {
    const std::vector<uint64_t> cut(words.begin(), words.begin() + static_cast<int64_t>(length));
    EXPECT_THROW(RunLength::from_words({200}, cut).decode(), Error);
  }
  EXPECT_THROW(RunLength::from_words({199}, words).decode(), Error);
  EXPECT_THROW(RunLength::from_words({int64_t{1} << 60, int64_t{1} << 60}, words).decode(), Error);
  EXPECT_THROW(RunLength::encode(Tensor::of<int16_t>({1}, {9}), {5, 4, 3}), Error) << "9 does not fit 4 bits";
  EXPECT_THROW(RunLength::encode(values, {5, 16, 4}), Error) << "85 bits are no word";
}

TEST(CscTest, AGapOfGZerosInsertsFloorOfGOverSixteenEntries) {
  Tensor matrix = Tensor::zeros(DataType::int16, {60, 2});
  matrix.values<int16_t>()[2 * 3] = 5;       // column 0, row 3
  matrix.values<int16_t>()[2 * 40] = -6;     // column 0, row 40: a gap of 36
  matrix.values<int16_t>()[2 * 16 + 1] = 7;  // column 1, row 16: a gap of 16
  const Csc code = Csc::encode(matrix);
  const std::vector<Csc::Entry> expected = {{3, 5}, {15, 0}, {15, 0}, {4, -6}, {15, 0}, {0, 7}};
  EXPECT_EQ(std::vector<Csc::Entry>(code.entries().begin(), code.entries().end()), expected);
  EXPECT_EQ(code.size().number(), 6 * 20 + 3 * 16);
  EXPECT_EQ(code.decode(), matrix);
}

TEST(CscTest, EveryMatrixRoundTripsAndItsSizeIsCountedWithoutTheCode) {
  Random random(5);
  for (int i = 0; i < 60; ++i) {
    const int64_t rows = random.integer(0, 90);
    const int64_t columns = random.integer(0, 30) + (i == 0 ? 1100 : 0);
    const CscFormat format{static_cast<int>(random.integer(1, 6)), 16, i % 2 == 0 ? 0 : 20};
    const Tensor matrix = random_map(random, {rows, columns}, random.uniform() * random.uniform());
    const Csc code = Csc::encode(matrix, format);
    EXPECT_EQ(code.decode(), matrix);
    EXPECT_EQ(code.size(), csc_bits(matrix.values<int16_t>(), rows, columns, format));
  }
}

TEST(CscTest, ForgedPartsAreRefused) {
  EXPECT_THROW(Csc::from_parts(4, {}, {}).decode(), Error);
  EXPECT_THROW(Csc::from_parts(4, {0, 2}, {{0, 1}}).decode(), Error) << "pointer beyond the entries";
  EXPECT_THROW(Csc::from_parts(4, {0, 1, 0, 1}, {{0, 1}}).decode(), Error) << "pointers fall";
  EXPECT_THROW(Csc::from_parts(4, {0, 1}, {{4, 1}}).decode(), Error) << "below the last row";
  EXPECT_THROW(Csc::from_parts(40, {0, 1}, {{16, 1}}).decode(), Error) << "index too wide";
  EXPECT_THROW(Csc::from_parts(40, {0, 2}, {{3, 0}, {0, 1}}).decode(), Error) << "a stored zero";
  EXPECT_THROW(Csc::from_parts(int64_t{1} << 62, {0, 0}, {}).decode(), Error) << "too large";
  EXPECT_THROW(Csc::encode(Tensor::of<int16_t>({1, 1}, {9}), {4, 4, 0}), Error) << "9 does not fit 4 bits";
}

TEST(EntropyBoundTest, HalfNonZeroCostsOneBitAPositionAndCodesNeverBeatIt) {
  EXPECT_EQ(entropy_bound_bits(1000, 500).number(), 1000 + 500 * 16);
  EXPECT_EQ(entropy_bound_bits(1000, 0).number(), 0);
  EXPECT_EQ(entropy_bound_bits(1000, 1000).number(), 16000);
  Random random(6);
  for (const double density : {0.02, 0.1, 0.3, 0.6, 0.9}) {
    const Tensor map = random_map(random, {64, 32, 32}, density);
    const auto values = map.values<int16_t>();
    const Bits bound = entropy_bound_bits(map.size(), count_nonzero(map));
    EXPECT_GE(sparsity_map_bits({64, 32, 32}, count_nonzero(map)), bound);
    EXPECT_GE(run_length_bits(values), bound);
    EXPECT_GE(csc_bits(values, 64, 1024), bound);
  }
}

}  // namespace
}  // namespace deltahop
