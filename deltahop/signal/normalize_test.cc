// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/normalize.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using Rows = std::vector<std::vector<float>>;

Rows normalized(const NormalizeOptions& options, const Rows& rows) {
  Normalizer normalizer(options, static_cast<int64_t>(rows.at(0).size()));
  Rows out;
  const FrameSink keep = [&](std::span<const float> row) { out.emplace_back(row.begin(), row.end()); };
  for (const auto& row : rows) normalizer.push(row, keep);
  normalizer.finish(keep);
  return out;
}

Rows noise_rows(size_t count) {
  Random random(9);
  Rows rows(count, std::vector<float>(2));
  for (auto& row : rows)
    row = {static_cast<float>(3 + 2 * random.normal()), static_cast<float>(random.uniform())};
  return rows;
}

// Mean and deviation of feature f over the first `count` rows.
std::pair<double, double> moments(const Rows& rows, size_t count, size_t f) {
  double mean = 0;
  for (size_t t = 0; t < count; ++t) mean += static_cast<double>(rows[t][f]) / static_cast<double>(count);
  double variance = 0;
  for (size_t t = 0; t < count; ++t)
    variance += std::pow(static_cast<double>(rows[t][f]) - mean, 2) / static_cast<double>(count);
  return {mean, std::sqrt(variance)};
}

TEST(Normalizer, WholeFilesEndWithMeanZeroAndDeviationOne) {
  const Rows out = normalized({.kind = Normalization::whole}, noise_rows(200));
  ASSERT_EQ(out.size(), 200);
  for (size_t f = 0; f < 2; ++f) {
    const auto [mean, deviation] = moments(out, out.size(), f);
    EXPECT_NEAR(mean, 0, 1e-6);
    EXPECT_NEAR(deviation, 1, 1e-6);
  }
}

TEST(Normalizer, RunningOnesKnowTheFramesSoFar) {
  const Rows rows = noise_rows(60);
  const Rows out = normalized({.kind = Normalization::running}, rows);
  for (size_t t = 1; t < rows.size(); ++t) {
    const auto [mean, deviation] = moments(rows, t + 1, 0);
    EXPECT_NEAR(out[t][0], (static_cast<double>(rows[t][0]) - mean) / deviation, 1e-5);
  }
  EXPECT_EQ(out[0][0], 0);  // a single frame is its own mean
}

TEST(Normalizer, AHorizonForgets) {
  // A step from 0 to 1: after n frames of 1 the mean is 1 - (1 - 1/4)^n, so what is left is (3/4)^n.
  Rows rows(50, {0.0F});
  rows.resize(60, {1.0F});
  const Rows out = normalized({.kind = Normalization::running, .variance = false, .horizon_frames = 4}, rows);
  for (size_t n = 1; n <= 10; ++n) EXPECT_NEAR(out[49 + n][0], std::pow(0.75, static_cast<double>(n)), 1e-6);
}

TEST(Normalizer, FixedOnesTakeWhatTheyAreGiven) {
  const Rows out =
      normalized({.kind = Normalization::fixed, .means = {1, 2}, .deviations = {2}}, {{3, 0}, {1, 2}});
  EXPECT_EQ(out, (Rows{{1, -1}, {0, 0}}));
}

TEST(Normalizer, ConstantFeaturesDoNotDivideByZero) {
  const Rows out = normalized({.kind = Normalization::whole}, Rows(5, {7.0F}));
  for (const auto& row : out) EXPECT_EQ(row[0], 0);
}

TEST(Normalizer, RefusesValuesThatDoNotFit) {
  EXPECT_THROW(Normalizer({.kind = Normalization::fixed, .means = {1, 2}, .deviations = {1}}, 3), Error);
  EXPECT_THROW(Normalizer({.kind = Normalization::fixed}, 3), Error);
  EXPECT_THROW(Normalizer({.kind = Normalization::running, .horizon_frames = 0.5}, 3), Error);
}

}  // namespace
}  // namespace deltahop
