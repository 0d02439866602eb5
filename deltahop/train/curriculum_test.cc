// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/curriculum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using Advice = SnrCurriculum::Advice;

TEST(SnrCurriculum,
     StagesGrowFromTheFirstRatioToTheWholeRange) {  // [Braun2017]: eleven stages from 0 to 50 dB
  SnrCurriculum curriculum({.from = 0, .step = 5, .to = 50, .patience = 1});
  EXPECT_THAT(curriculum.snr_dB(), ElementsAre(0));
  int stages = 1;
  while (!curriculum.is_last()) {
    curriculum.observe(1);                            // the best of the stage
    EXPECT_EQ(curriculum.observe(0), Advice::go_on);  // one without progress is waited for
    EXPECT_EQ(curriculum.observe(0), Advice::next_stage);
    ++stages;
  }
  EXPECT_EQ(stages, 11);
  EXPECT_THAT(curriculum.snr_dB(), ElementsAre(50, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0));
}

TEST(SnrCurriculum, ABetterValidationStartsTheWaitAnew) {
  SnrCurriculum curriculum({.from = 0, .step = 5, .to = 5, .patience = 2});
  EXPECT_EQ(curriculum.observe(0.5), Advice::keep);
  EXPECT_EQ(curriculum.observe(0.5), Advice::go_on);
  EXPECT_EQ(curriculum.observe(0.4), Advice::go_on);
  EXPECT_EQ(curriculum.observe(0.6), Advice::keep);
  EXPECT_EQ(curriculum.observe(0.6), Advice::go_on);
  EXPECT_EQ(curriculum.observe(0.6), Advice::go_on);
  EXPECT_EQ(curriculum.observe(0.6), Advice::next_stage);
  EXPECT_EQ(curriculum.stage(), 1);
}

TEST(SnrCurriculum, AStageForgetsTheBestOfTheOneBefore) {
  SnrCurriculum curriculum({.from = 0, .step = 5, .to = 5, .patience = 1});
  curriculum.observe(0.9);
  curriculum.observe(0.1);
  curriculum.observe(0.1);
  EXPECT_EQ(curriculum.stage(), 1);
  EXPECT_EQ(curriculum.observe(0.2), Advice::keep);
}

TEST(SnrCurriculum, EndsAfterTheLastStage) {
  SnrCurriculum curriculum({.from = 0, .step = 5, .to = 0, .patience = 1});
  curriculum.observe(1);
  curriculum.observe(0);
  EXPECT_FALSE(curriculum.finished());
  EXPECT_EQ(curriculum.observe(0), Advice::next_stage);
  EXPECT_TRUE(curriculum.finished());
}

TEST(SnrCurriculum, GrowsDownwardsToo) {
  SnrCurriculum curriculum({.from = 20, .step = 10, .to = 0, .patience = 1});
  for (const double metric : {1.0, 0.0, 0.0}) curriculum.observe(metric);
  EXPECT_THAT(curriculum.snr_dB(), ElementsAre(10, 20));
}

TEST(SnrCurriculum, GoesOnFromItsSavedState) {
  const GrowingRatios rule{.from = 0, .step = 5, .to = 50, .patience = 1};
  SnrCurriculum first(rule), second(rule);
  for (const double metric : {0.1 + 0.2, 0.2, 0.1, 1.0 / 3.0, 0.1}) first.observe(metric);
  second.restore(first.state());
  EXPECT_EQ(second.state(), first.state());
  EXPECT_EQ(second.snr_dB(), first.snr_dB());
  EXPECT_EQ(second.observe(1.0 / 3.0), first.observe(1.0 / 3.0));  // no better by one bit
  EXPECT_THROW(second.restore("no state"), Error);
  EXPECT_THROW(second.restore("-1 0 0 0 0"), Error);
}

}  // namespace
}  // namespace deltahop
