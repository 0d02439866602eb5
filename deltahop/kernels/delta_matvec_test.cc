// SPDX-License-Identifier: Apache-2.0
// The delta products against plain loops, on every instruction set of this machine.
#include "deltahop/kernels/delta_matvec.h"

#include <gtest/gtest.h>

#include <cstring>
#include <type_traits>

#include "deltahop/base/random.h"
#include "deltahop/kernels/row_workers.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

// Any number of the type, often the extreme ones.
template <class T>
T random_number(Random& random) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(random.uniform(-2, 2));
  } else if constexpr (sizeof(T) == 8) {
    return random.integer(-(int64_t{1} << 55), int64_t{1} << 55);  // sums on top of it stay within 64 bits
  } else {
    constexpr T kLowest = std::numeric_limits<T>::min(), kHighest = std::numeric_limits<T>::max();
    if (random.chance(0.3)) return random.chance(0.5) ? kLowest : kHighest;
    return static_cast<T>(random.integer(kLowest, kHighest));
  }
}

template <class T>
std::vector<T> random_numbers(Random& random, int64_t count) {
  std::vector<T> numbers(static_cast<size_t>(count));
  for (T& number : numbers) number = random_number<T>(random);
  return numbers;
}

template <class Delta>
struct Sent {
  std::vector<uint32_t> indices;
  std::vector<Delta> deltas;
  SentColumns<Delta> columns() const {
    return {indices.data(), deltas.data(), static_cast<int64_t>(indices.size())};
  }
};

template <class Delta>
Sent<Delta> random_sent(Random& random, int64_t columns) {
  Sent<Delta> sent;
  const double share = random.uniform();
  for (int64_t k = 0; k < columns; ++k) {
    if (!random.chance(share)) continue;
    sent.indices.push_back(static_cast<uint32_t>(k));
    sent.deltas.push_back(random_number<Delta>(random));
  }
  return sent;
}

template <class W_, class Delta_, class Sum_>
struct Product {
  using W = W_;
  using Delta = Delta_;
  using Sum = Sum_;
  // What the reference sums in: wide enough never to wrap.
  using Exact = std::conditional_t<std::is_same_v<W, float>, double, int64_t>;
};

template <class P>
class DeltaProduct : public ::testing::Test {
 public:
  using W = typename P::W;
  using Delta = typename P::Delta;
  using Sum = typename P::Sum;
  using Exact = typename P::Exact;

  static ColumnPanel<W> random_panel(Random& random, int64_t rows, int64_t columns) {
    return ColumnPanel<W>(rows, columns, random_numbers<W>(random, rows * columns));
  }

  // Integers bit by bit, modulo the width of the sum; floats to the rounding of their sums.
  static void expect_sums(const std::vector<Sum>& memory, const std::vector<Exact>& expected) {
    ASSERT_EQ(memory.size(), expected.size());
    for (size_t r = 0; r < memory.size(); ++r) {
      if constexpr (std::is_same_v<Sum, float>) {
        ASSERT_NEAR(memory[r], expected[r], 2e-4) << "row " << r;
      } else {
        ASSERT_EQ(memory[r], static_cast<Sum>(expected[r])) << "row " << r;
      }
    }
  }
};

using Products = ::testing::Types<Product<float, float, float>, Product<int8_t, int16_t, int32_t>,
                                  Product<int8_t, int16_t, int64_t>, Product<int16_t, int16_t, int32_t>,
                                  Product<int16_t, int16_t, int64_t>>;
TYPED_TEST_SUITE(DeltaProduct, Products);

TYPED_TEST(DeltaProduct, EqualsThePlainLoopsForAllLengths) {
  using P = DeltaProduct<TypeParam>;
  on_every_target([] {
    Random random(1);
    for (int64_t rows = 0; rows <= 131; ++rows) {
      const int64_t columns = random.integer(0, 40);
      const auto panel = P::random_panel(random, rows, columns);
      const auto sent = random_sent<typename P::Delta>(random, columns);
      auto memory = random_numbers<typename P::Sum>(random, rows);
      std::vector<typename P::Exact> expected(memory.begin(), memory.end());
      for (int64_t k = 0; k < sent.columns().count; ++k) {
        const size_t slot = static_cast<size_t>(k);
        for (int64_t r = 0; r < rows; ++r) {
          expected[static_cast<size_t>(r)] +=
              typename P::Exact{panel.at(r, sent.indices[slot])} * sent.deltas[slot];
        }
      }
      add_columns(panel, sent.columns(), std::span(memory));
      P::expect_sums(memory, expected);
      if (::testing::Test::HasFatalFailure()) FAIL() << rows << " rows, " << columns << " columns";
    }
  });
}

TYPED_TEST(DeltaProduct, LongColumnsEqualTheReference) {
  using P = DeltaProduct<TypeParam>;
  on_every_target([] {
    Random random(2);
    for (const int64_t count : {1, 7, 8, 9, 16, 31, 33, 70}) {
      const int64_t rows = count == 9 ? 17000 : 3001;
      const auto panel = P::random_panel(random, rows, 70);
      Sent<typename P::Delta> sent;
      for (int64_t k = 0; k < count; ++k) {
        sent.indices.push_back(static_cast<uint32_t>(70 - count + k));
        sent.deltas.push_back(random_number<typename P::Delta>(random));
      }
      std::vector<typename P::Sum> memory(static_cast<size_t>(rows));
      std::vector<typename P::Exact> expected(memory.size());
      add_columns(panel, sent.columns(), std::span(memory));
      add_columns_reference(panel, sent.columns(), std::span(expected));
      P::expect_sums(memory, expected);
    }
  });
}

TYPED_TEST(DeltaProduct, DensePathGivesTheSameBits) {
  using P = DeltaProduct<TypeParam>;
  on_every_target([] {
    Random random(3);
    for (const int64_t rows : {1, 64, 200}) {
      const auto panel = P::random_panel(random, rows, 50);
      const auto sent = random_sent<typename P::Delta>(random, 50);
      std::vector<typename P::Delta> all(50);
      scatter(sent.columns(), std::span(all));
      std::vector<typename P::Sum> one(static_cast<size_t>(rows), 3), other = one;
      add_columns(panel, sent.columns(), std::span(one));
      add_dense(panel, std::span<const typename P::Delta>(all), std::span(other));
      ASSERT_EQ(one, other);
    }
  });
}

TYPED_TEST(DeltaProduct, WorkersGiveTheSameBits) {
  using P = DeltaProduct<TypeParam>;
  on_every_target([] {
    Random random(4);
    RowWorkers workers(3);
    for (const int64_t rows : {1, 63, 129, 700}) {
      const auto panel = P::random_panel(random, rows, 30);
      const auto sent = random_sent<typename P::Delta>(random, 30);
      std::vector<typename P::Sum> alone(static_cast<size_t>(rows)), together = alone;
      add_columns(panel, sent.columns(), std::span(alone));
      add_columns(panel, sent.columns(), std::span(together), &workers);
      ASSERT_EQ(alone, together);
    }
  });
}

TYPED_TEST(DeltaProduct, ManyStreamsGiveWhatEachGivesAlone) {
  using P = DeltaProduct<TypeParam>;
  using Streams = std::vector<StreamColumns<typename P::Delta, typename P::Sum>>;
  on_every_target([] {
    Random random(5);
    const auto panel = P::random_panel(random, 1000, 300);
    std::vector<Sent<typename P::Delta>> sent;
    std::vector<std::vector<typename P::Sum>> alone(5, std::vector<typename P::Sum>(1000)), together = alone;
    for (int stream = 0; stream < 5; ++stream) sent.push_back(random_sent<typename P::Delta>(random, 300));
    sent[3] = {};
    Streams streams;
    for (size_t stream = 0; stream < 5; ++stream) {
      streams.push_back({sent[stream].columns(), std::span(together[stream])});
      add_columns(panel, sent[stream].columns(), std::span(alone[stream]));
    }
    add_columns_of_streams(panel, std::span<const typename Streams::value_type>(streams));
    ASSERT_EQ(alone, together);
  });
}

TYPED_TEST(DeltaProduct, StreamsThatSendAllGiveWhatEachGivesAlone) {
  using P = DeltaProduct<TypeParam>;
  using Streams = std::vector<StreamColumns<typename P::Delta, typename P::Sum>>;
  on_every_target([] {
    Random random(15);
    for (const int64_t rows : {1, 17, 64, 203}) {
      const auto panel = P::random_panel(random, rows, 21);
      std::vector<Sent<typename P::Delta>> sent(9);
      std::vector<std::vector<typename P::Sum>> alone(
          9, std::vector<typename P::Sum>(static_cast<size_t>(rows), 2));
      auto together = alone;
      Streams streams;
      for (size_t stream = 0; stream < 9; ++stream) {
        for (uint32_t k = 0; k < 21; ++k) {
          if (stream == 5 && k == 3) continue;  // all but one
          sent[stream].indices.push_back(k);
          sent[stream].deltas.push_back(random_number<typename P::Delta>(random));
        }
        streams.push_back({sent[stream].columns(), std::span(together[stream])});
        add_columns(panel, sent[stream].columns(), std::span(alone[stream]));
      }
      add_columns_of_streams(panel, std::span<const typename Streams::value_type>(streams));
      ASSERT_EQ(alone, together);
    }
  });
}

TYPED_TEST(DeltaProduct, PanelHoldsItsWeights) {
  using P = DeltaProduct<TypeParam>;
  on_every_target([] {
    Random random(6);
    const auto weights = random_numbers<typename P::W>(random, 130 * 7);
    const ColumnPanel<typename P::W> panel(130, 7, weights);
    for (int64_t r = 0; r < 130; ++r) {
      for (int64_t k = 0; k < 7; ++k) ASSERT_EQ(panel.at(r, k), weights[static_cast<size_t>(r * 7 + k)]);
    }
    EXPECT_EQ(panel.column_bytes() % 64, 0);
    EXPECT_GE(panel.column_bytes(), 130 * static_cast<int64_t>(sizeof(typename P::W)));
  });
}

TEST(DeltaMatvec, DenseProductIsTheMatrixTimesTheVector) {
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};  // [2, 3]
  const ColumnPanel<float> panel(2, 3, weights);
  const std::vector<float> x = {10, 0, 100};
  std::vector<float> out = {7, 7};
  multiply_dense(panel, std::span<const float>(x), std::span(out));
  EXPECT_EQ(out, (std::vector<float>{310, 640}));
}

// A delta may be 2^15 - 1, which has no two signed bytes, in each place of a group.
TEST(DeltaMatvec, LargestDeltasAreExactInEveryPlace) {
  on_every_target([] {
    Random random(7);
    const ColumnPanel<int8_t> panel(70, 40, random_numbers<int8_t>(random, 70 * 40));
    for (uint32_t place = 0; place < 40; ++place) {
      Sent<int16_t> sent;
      for (uint32_t k = 0; k < 40; ++k) {
        sent.indices.push_back(k);
        sent.deltas.push_back(k <= place ? int16_t{32767} : int16_t{-32768});
      }
      std::vector<int32_t> memory(70);
      std::vector<int64_t> expected(70);
      add_columns(panel, sent.columns(), std::span(memory));
      add_columns_reference(panel, sent.columns(), std::span(expected));
      ASSERT_EQ(std::vector<int64_t>(memory.begin(), memory.end()), expected) << "place " << place;
    }
  });
}

TEST(DeltaMatvec, BoundsAreRowNormsTimesTheLargestInput) {
  const ColumnPanel<int8_t> x(2, 2, std::vector<int8_t>{1, -2, -128, 127});
  const ColumnPanel<int16_t> h(2, 1, std::vector<int16_t>{-32768, 5});
  std::vector<int64_t> bounds = {100, 0};
  add_row_bounds(x, 1000, std::span(bounds));
  add_row_bounds(h, 2, std::span(bounds));
  EXPECT_EQ(bounds, (std::vector<int64_t>{100 + 3000 + 65536, 255000 + 10}));
}

TEST(DeltaMatvec, ProofEndsAtTwoToTheThirtyFirst) {
  EXPECT_TRUE(fits_32_bits(std::vector<int64_t>{0, (int64_t{1} << 31) - 1}));
  EXPECT_FALSE(fits_32_bits(std::vector<int64_t>{int64_t{1} << 31}));
}

// Row norms at the last value that the proof allows, inputs jumping between both extremes: the sums of one
// step leave 32 bits, the memory does not, and 32 bits give what 64 give.
template <class W>
void expect_exact_at_the_boundary(int64_t columns, int16_t w) {
  constexpr int64_t kRows = 130;
  std::vector<W> weights;
  for (int64_t i = 0; i < kRows * columns; ++i) {
    weights.push_back(static_cast<W>(i / columns % 2 == 0 || i % 2 == 0 ? w : -w));
  }
  const ColumnPanel<W> panel(kRows, columns, weights);
  std::vector<int64_t> bounds(kRows);
  add_row_bounds(panel, 32768, std::span(bounds));
  ASSERT_TRUE(fits_32_bits(bounds));
  add_row_bounds(panel, 32768, std::span(bounds));
  ASSERT_FALSE(fits_32_bits(bounds));  // by far: so the bound is a tight one

  Random random(8);
  std::vector<int16_t> x_hat(static_cast<size_t>(columns)), x(x_hat.size());
  std::vector<int32_t> narrow(kRows);
  std::vector<int64_t> wide(kRows);
  std::vector<uint32_t> indices(x.size() + kSentSlack);
  std::vector<int16_t> deltas(x.size() + kSentSlack);
  for (int step = 0; step < 12; ++step) {
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = step < 4 ? int16_t{-32768} : step < 8 ? int16_t{32767} : random_number<int16_t>(random);
    }
    const int64_t count = encode_delta(x, std::span(x_hat), 0, indices.data(), deltas.data());
    add_columns(panel, {indices.data(), deltas.data(), count}, std::span(narrow));
    add_columns(panel, {indices.data(), deltas.data(), count}, std::span(wide));
    ASSERT_EQ(std::vector<int64_t>(narrow.begin(), narrow.end()), wide) << "step " << step;
  }
}

TEST(DeltaMatvec, ThirtyTwoBitsAreExactUpToTheProof) {
  on_every_target([] {
    expect_exact_at_the_boundary<int8_t>(516, 127);   // 516 * 127 = 65,532 of 65,535
    expect_exact_at_the_boundary<int16_t>(255, 257);  // 255 * 257 = 65,535
    expect_exact_at_the_boundary<int16_t>(3, 21845);
  });
}

}  // namespace
}  // namespace deltahop
