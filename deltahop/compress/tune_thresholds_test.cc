// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/tune_thresholds.h"

#include <gtest/gtest.h>

namespace deltahop {
namespace {

// Two thresholds with levels 1 to 4: a level of "cheap" saves 10 bytes for 0.01 of harm, one of "dear" 10
// bytes for 0.1.
const std::vector<TunedThreshold> kTwo = {{"cheap", ThresholdKind::input, {1, 2, 3, 4}},
                                          {"dear", ThresholdKind::hidden, {1, 2, 3, 4}}};
int64_t measurements = 0;

TuneCost cost_of(const ThresholdTable& table) {
  ++measurements;
  const double cheap = table.of("cheap").input, dear = table.of("dear").hidden;
  const double harm = 0.01 * cheap + 0.1 * dear;
  return {100 - 10 * (cheap + dear), harm, harm};
}

TEST(TuneThresholds, RaisesFirstWhatCostsLeast) {
  const auto points = tune_thresholds(kTwo, cost_of, {.max_loss = 1.0}, {});
  ASSERT_EQ(points.size(), 9u);  // from nothing to all four levels of both
  for (size_t i = 0; i <= 4; ++i) {
    EXPECT_EQ(points[i].thresholds.of("cheap").input, static_cast<double>(i));
    EXPECT_EQ(points[i].thresholds.of("dear").hidden, 0.0);
  }
  EXPECT_EQ(points.back().cost.bytes, 20.0);
}

TEST(TuneThresholds, StaysWithinTheLossAllowed) {
  const auto points = tune_thresholds(kTwo, cost_of, {.max_loss = 0.25}, {});
  for (const TunePoint& point : points) EXPECT_LE(point.cost.loss, 0.25);
  EXPECT_EQ(points.back().thresholds.of("cheap").input, 4.0);
  EXPECT_EQ(points.back().thresholds.of("dear").hidden, 2.0);  // 0.04 + 0.2
}

TEST(TuneThresholds, MeasuresNoMoreThanItMay) {
  for (const int64_t most : {1, 2, 5, 9}) {
    measurements = 0;
    const auto points = tune_thresholds(kTwo, cost_of, {.max_loss = 1.0, .max_measurements = most}, {});
    EXPECT_LE(measurements, most);
    EXPECT_GE(points.size(), 1u);
  }
}

TEST(TuneThresholds, StepsOverALevelThatSavesNothing) {
  const auto points = tune_thresholds({{"gru", ThresholdKind::reset_hidden, {1, 2}}},
                                      [](const ThresholdTable& table) {
                                        const double theta = table.of("gru").reset_hidden;
                                        return TuneCost{theta < 2 ? 100.0 : 50.0, 0, 0};
                                      },
                                      {.max_loss = 1.0}, {});
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].thresholds.of("gru").reset_hidden, 2.0);
}

TEST(TuneThresholds, LooksBeyondALevelThatLosesTooMuch) {
  const auto points = tune_thresholds({{"gru", ThresholdKind::hidden, {1, 2, 3, 4, 5, 6, 7}}},
                                      [](const ThresholdTable& table) {
                                        const double theta = table.of("gru").hidden;
                                        const bool is_unlucky = theta == 2 || theta >= 4;
                                        return TuneCost{100 - 10 * theta, is_unlucky ? 1.0 : 0.0, theta};
                                      },
                                      {.max_loss = 0.5}, {});
  ASSERT_EQ(points.size(), 3u);  // 0, 1 and 3
  EXPECT_EQ(points.back().thresholds.of("gru").hidden, 3.0);
}

TEST(TuneThresholds, LooksAgainWhenOthersHaveRisen) {
  const auto points =
      tune_thresholds(kTwo,
                      [](const ThresholdTable& table) {
                        const double cheap = table.of("cheap").input, dear = table.of("dear").hidden;
                        // "cheap" is refused as long as "dear" is at 0.
                        return TuneCost{100 - 10 * (cheap + dear), cheap > 0 && dear == 0 ? 1.0 : 0.0,
                                        0.01 * cheap + 0.1 * dear};
                      },
                      {.max_loss = 0.5}, {});
  EXPECT_EQ(points.back().thresholds.of("cheap").input, 4.0);
  EXPECT_EQ(points.back().thresholds.of("dear").hidden, 4.0);
}

TEST(TuneThresholds, EndsAtOnceWithoutAnythingToRaise) {
  EXPECT_EQ(tune_thresholds({}, cost_of, {}, {}).size(), 1u);
}

TEST(TuneThresholds, TheFrontHoldsNoPointThatAnotherBeats) {
  const auto point = [](double bytes, double harm) { return TunePoint{{}, {bytes, 0, harm}}; };
  const auto front =
      pareto_front({point(100, 0), point(80, 0.1), point(90, 0.2), point(60, 0.3), point(60, 0.4)});
  ASSERT_EQ(front.size(), 3u);
  EXPECT_EQ(front[1].cost.bytes, 80);
  EXPECT_EQ(front[2].cost.difference, 0.3);
}

TEST(TuneThresholds, LevelsRiseUpToTheRangeInThreeDigits) {
  const std::vector<double> levels = threshold_levels(2.0);
  ASSERT_EQ(levels.size(), 14u);  // 1/256, 1/128, 1/64, 1/32, then ten times the root of two
  EXPECT_DOUBLE_EQ(levels.front(), 0.00781);
  EXPECT_DOUBLE_EQ(levels[4], 0.0884);
  EXPECT_DOUBLE_EQ(levels.back(), 2.0);
  EXPECT_TRUE(threshold_levels(0).empty());
}

}  // namespace
}  // namespace deltahop
