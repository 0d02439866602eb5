// SPDX-License-Identifier: Apache-2.0
// Which columns are sent: the threshold test by vectors against the plain loop, on every instruction set of
// this machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

std::vector<float> random_floats(Random& random, int64_t count) {
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& number : numbers) number = static_cast<float>(random.uniform(-2, 2));
  return numbers;
}

// Often the extreme ones.
std::vector<int16_t> random_codes(Random& random, int64_t count) {
  std::vector<int16_t> codes(static_cast<size_t>(count));
  for (int16_t& code : codes) {
    code = static_cast<int16_t>(random.chance(0.3) ? (random.chance(0.5) ? INT16_MIN : INT16_MAX)
                                                   : random.integer(INT16_MIN, INT16_MAX));
  }
  return codes;
}

template <class T, class Theta>
void expect_encoded_as_reference(std::span<const T> x, std::vector<T> x_hat, Theta theta) {
  std::vector<uint32_t> indices(x.size() + kSentSlack), expected_indices = indices;
  std::vector<T> deltas(x.size() + kSentSlack), expected_deltas = deltas, expected_x_hat = x_hat;
  const int64_t count = encode_delta(x, std::span(x_hat), theta, indices.data(), deltas.data());
  const int64_t expected = encode_delta_reference(x, std::span(expected_x_hat), theta,
                                                  expected_indices.data(), expected_deltas.data());
  ASSERT_EQ(count, expected);
  indices.resize(static_cast<size_t>(count)), expected_indices.resize(indices.size());
  deltas.resize(indices.size()), expected_deltas.resize(indices.size());
  EXPECT_EQ(indices, expected_indices);
  EXPECT_EQ(deltas, expected_deltas);
  EXPECT_EQ(x_hat, expected_x_hat);
}

TEST(EncodeDelta, FloatsAreSentByTheRuleForAllLengths) {
  on_every_target([] {
    Random random(9);
    for (int64_t size = 0; size <= 67; ++size) {
      auto x = random_floats(random, size), x_hat = random_floats(random, size);
      for (size_t i = 0; i < x.size(); ++i) {
        if (random.chance(0.3)) x_hat[i] = x[i];
        if (random.chance(0.2)) x_hat[i] = x[i] + (random.chance(0.5) ? 0.5f : -0.5f);
      }
      for (const float theta : {0.0f, 0.5f, 1.0f, 1e9f}) expect_encoded_as_reference<float>(x, x_hat, theta);
    }
  });
}

TEST(EncodeDelta, CodesAreSentByTheRuleForAllLengths) {
  on_every_target([] {
    Random random(10);
    for (int64_t size = 0; size <= 67; ++size) {
      auto x = random_codes(random, size), x_hat = random_codes(random, size);
      for (size_t i = 0; i < x.size(); ++i) {
        if (random.chance(0.3)) x_hat[i] = static_cast<int16_t>(x[i] / 2);
        if (random.chance(0.2)) x_hat[i] = x[i];
      }
      for (const int32_t theta : {0, 1, 700, 32767, 65535, 65536}) {
        expect_encoded_as_reference<int16_t>(x, x_hat, theta);
      }
    }
  });
}

TEST(EncodeDelta, SeventeenBitDifferencesTakeSeveralSteps) {
  on_every_target([] {
    const std::vector<int16_t> x = {32767, -32768};
    std::vector<int16_t> x_hat = {-32768, 32767};
    std::vector<uint32_t> indices(2 + kSentSlack);
    std::vector<int16_t> deltas(2 + kSentSlack);
    ASSERT_EQ(encode_delta(x, std::span(x_hat), 100, indices.data(), deltas.data()), 2);
    EXPECT_EQ(deltas[0], 32767);
    EXPECT_EQ(deltas[1], -32768);
    EXPECT_EQ(x_hat, (std::vector<int16_t>{-1, -1}));
    ASSERT_EQ(encode_delta(x, std::span(x_hat), 100, indices.data(), deltas.data()), 2);
    EXPECT_EQ(x_hat, (std::vector<int16_t>{32766, -32768}));  // 2^16 - 1 is two of the largest, and 1
    EXPECT_EQ(encode_delta(x, std::span(x_hat), 100, indices.data(), deltas.data()), 0);
    EXPECT_EQ(encode_delta(x, std::span(x_hat), 0, indices.data(), deltas.data()), 1);
    EXPECT_EQ(x_hat, x);
  });
}

TEST(EncodeDelta, NanIsNeverSent) {
  on_every_target([] {
    const std::vector<float> x(20, std::numeric_limits<float>::quiet_NaN());
    std::vector<float> x_hat(20, 1.0f);
    std::vector<uint32_t> indices(20 + kSentSlack);
    std::vector<float> deltas(20 + kSentSlack);
    EXPECT_EQ(encode_delta(x, std::span(x_hat), 0.0f, indices.data(), deltas.data()), 0);
    EXPECT_EQ(x_hat, std::vector<float>(20, 1.0f));
  });
}

TEST(EncodeDelta, ValuesAreRoundedToTheNearestEvenCodeAndHeld) {
  on_every_target([] {
    std::vector<float> values = {0.5f, 1.5f, -2.5f, 1e9f, -1e9f, 3.25f, 0.0f};
    const std::vector<int16_t> expected = {0, 2, -2, 32767, -32768, 3, 0};
    for (size_t size = 0; size <= 70; ++size) {
      std::vector<float> x(size);
      std::vector<int16_t> codes(size), x_hat(size);
      for (size_t i = 0; i < size; ++i) x[i] = values[i % 7] / 4, codes[i] = expected[i % 7];
      std::vector<uint32_t> indices(size + kSentSlack);
      std::vector<int16_t> deltas(size + kSentSlack);
      const int64_t count = encode_delta(x, 4.0f, std::span(x_hat), 0, indices.data(), deltas.data());
      EXPECT_EQ(x_hat, codes);
      EXPECT_EQ(count, std::count_if(codes.begin(), codes.end(), [](int16_t code) { return code != 0; }));
    }
  });
}

}  // namespace
}  // namespace deltahop
