// SPDX-License-Identifier: Apache-2.0
// The fused gates against the same formulas in double, on every instruction set of this machine.
#include "deltahop/kernels/gates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/target_testing.h"

namespace deltahop {
namespace {

constexpr double kError = 4e-7;        // of sigmoid and tangent, as gates.h promises
constexpr double kGateError = 1.5e-6;  // of a state that several of them make

TEST(Gates, SigmoidAndTangentAreWithinTheirError) {
  on_every_target([] {
    std::vector<float> x;
    for (int i = -400000; i <= 400000; ++i) x.push_back(static_cast<float>(i) * 5e-5f);
    std::vector<float> sigmoids(x.size()), tangents(x.size());
    sigmoid_all(x, sigmoids);
    tanh_all(x, tangents);
    double worst_sigmoid = 0, worst_tangent = 0;
    float largest = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      worst_sigmoid = std::max(worst_sigmoid, std::abs(sigmoids[i] - gates_reference::sigmoid(x[i])));
      worst_tangent = std::max(worst_tangent, std::abs(tangents[i] - std::tanh(double{x[i]})));
      largest = std::max({largest, std::abs(tangents[i]), sigmoids[i]});
    }
    EXPECT_LT(worst_sigmoid, kError);
    EXPECT_LT(worst_tangent, kError);
    EXPECT_LE(largest, 1.0f);
  });
}

TEST(Gates, TangentOfSmallNumbersKeepsItsRelativeError) {
  on_every_target([] {
    for (float x = 1e-30f; x < 1; x *= 1.37f) {
      float y = x;
      tanh_all({&y, 1}, {&y, 1});
      EXPECT_NEAR(y / std::tanh(double{x}), 1, 5e-7) << x;
    }
  });
}

TEST(Gates, ExtremesSaturate) {
  on_every_target([] {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> x(40, kInfinity);
    std::fill(x.begin() + 20, x.end(), -kInfinity);
    std::vector<float> y(40);
    tanh_all(x, y);
    for (size_t i = 0; i < 40; ++i) EXPECT_NEAR(y[i], i < 20 ? 1 : -1, kError);
    sigmoid_all(x, y);
    for (size_t i = 0; i < 40; ++i) EXPECT_NEAR(y[i], i < 20 ? 1 : 0, kError);
  });
}

template <class Sum>
struct Rows {
  std::vector<Sum> memory;
  std::vector<float> scale, bias;
  GateSums<Sum> sums() const { return {memory, scale, bias}; }
};

std::vector<float> random_values(Random& random, size_t count, double largest) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform(-largest, largest));
  return values;
}

template <class Sum>
Rows<Sum> random_rows(Random& random, size_t count) {
  Rows<Sum> rows;
  rows.memory.resize(count);
  const bool integers = !std::is_same_v<Sum, float>;
  for (Sum& sum : rows.memory) {
    sum =
        integers ? static_cast<Sum>(random.integer(-50000, 50000)) : static_cast<Sum>(random.uniform(-6, 6));
  }
  if (integers) rows.scale = random_values(random, count, 1e-4);
  if (random.chance(0.5)) rows.bias = random_values(random, count, 1);
  return rows;
}

void expect_near(const std::vector<float>& values, const std::vector<float>& expected) {
  for (size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], kGateError) << i;
}

template <class Sum>
class FusedGates : public ::testing::Test {};
using SumTypes = ::testing::Types<float, int32_t, int64_t>;
TYPED_TEST_SUITE(FusedGates, SumTypes);

// Up to two vectors and one of the widest set, for every kind of layer.
constexpr size_t kLongest = 33;

TYPED_TEST(FusedGates, GruEqualsTheFormulas) {
  on_every_target([] {
    Random random(1);
    for (size_t n = 0; n <= kLongest; ++n) {
      const auto rows = random_rows<TypeParam>(random, 4 * n);
      std::vector<float> h = random_values(random, n, 1), expected = h;
      gru_gates(rows.sums(), h);
      gates_reference::gru(rows.sums(), std::span(expected));
      expect_near(h, expected);
    }
  });
}

TYPED_TEST(FusedGates, GruThatResetsBeforeTheProductEqualsTheFormulas) {
  on_every_target([] {
    Random random(2);
    for (size_t n = 0; n <= kLongest; ++n) {
      const auto rows = random_rows<TypeParam>(random, 3 * n);
      std::vector<float> h = random_values(random, n, 1), expected = h, reset(n), expected_reset(n);
      gru_reset(rows.sums(), h, reset);
      gates_reference::gru_reset(rows.sums(), std::span<const float>(h), std::span(expected_reset));
      expect_near(reset, expected_reset);
      gru_update(rows.sums(), h);
      gates_reference::gru_update(rows.sums(), std::span(expected));
      expect_near(h, expected);
    }
  });
}

TYPED_TEST(FusedGates, LstmEqualsTheFormulasWithAndWithoutPeepholes) {
  on_every_target([] {
    Random random(3);
    for (size_t n = 0; n <= kLongest; ++n) {
      const auto rows = random_rows<TypeParam>(random, 4 * n);
      const auto peepholes = random_values(random, n % 2 == 0 ? 0 : 3 * n, 1);
      std::vector<float> c = random_values(random, n, 2), expected_c = c, h(n), expected_h(n);
      lstm_gates(rows.sums(), peepholes, c, h);
      gates_reference::lstm(rows.sums(), std::span<const float>(peepholes), std::span(expected_c),
                            std::span(expected_h));
      expect_near(c, expected_c);
      expect_near(h, expected_h);
    }
  });
}

TYPED_TEST(FusedGates, PlainRnnIsTheTangent) {
  on_every_target([] {
    Random random(4);
    for (size_t n = 0; n <= kLongest; ++n) {
      const auto rows = random_rows<TypeParam>(random, n);
      std::vector<float> h(n), expected(n);
      rnn_gates(rows.sums(), h);
      for (size_t i = 0; i < n; ++i)
        expected[i] = static_cast<float>(std::tanh(gates_reference::value(rows.sums(), i)));
      expect_near(h, expected);
    }
  });
}

}  // namespace
}  // namespace deltahop
