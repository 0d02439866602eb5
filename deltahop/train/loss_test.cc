// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/loss.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

torch::Tensor two_by_three() { return torch::tensor({{1.0, 2.0, 0.0}, {0.5, -1.0, 0.0}}, torch::kFloat64); }

TEST(ClassificationLoss, OfCrossEntropyIsMinusTheLogarithmOfTheRightShare) {
  const double first = std::log(std::exp(1.0) + std::exp(2.0) + 1.0) - 2.0;
  const double second = std::log(std::exp(0.5) + std::exp(-1.0) + 1.0) - 0.5;
  EXPECT_NEAR(classification_loss("cross_entropy", two_by_three(), torch::tensor({1, 0})).item<double>(),
              (first + second) / 2, 1e-12);
}

TEST(ClassificationLoss, OfSquaredHingeChargesScoresWithinTheMargin) {
  // Row 1, label 1: (1+1)^2 + 0 + (1+0)^2 = 5; row 2, label 0: (1-0.5)^2 + (1-1)^2 + 1 = 1.25.
  EXPECT_DOUBLE_EQ(classification_loss("squared_hinge", two_by_three(), torch::tensor({1, 0})).item<double>(),
                   3.125);
}

TEST(ClassificationLoss, OfMseIsAgainstOneAndZero) {
  // (1 + 1 + 0 + 0.25 + 1 + 0) / 6
  EXPECT_DOUBLE_EQ(classification_loss("mse", two_by_three(), torch::tensor({1, 0})).item<double>(),
                   3.25 / 6);
}

TEST(ClassificationLoss, RefusesALabelWithoutAClass) {
  EXPECT_THROW(classification_loss("mse", two_by_three(), torch::tensor({1, 3})), Error);
  EXPECT_THROW(classification_loss("mse", two_by_three(), torch::tensor({-1, 0})), Error);
}

TEST(JudgedScores, AreThoseOfTheLastFrameOfEachSequence) {
  const torch::Tensor scores = torch::arange(24, torch::kFloat64).reshape({2, 4, 3});
  const torch::Tensor judged = judged_scores(scores, torch::tensor({2, 4}));
  EXPECT_TRUE(torch::equal(judged[0], scores[0][1]));
  EXPECT_TRUE(torch::equal(judged[1], scores[1][3]));
  EXPECT_TRUE(torch::equal(judged_scores(scores, {})[0], scores[0][3]));
}

TEST(DistillationLoss, IsZeroForTheTeachersOwnScoresAndItsGradientIsTheDifferenceOfShares) {
  TeacherSection section;
  section.temperature = 2.0;
  torch::Tensor scores = two_by_three().requires_grad_(true);
  EXPECT_NEAR(distillation_loss(section, scores, two_by_three()).item<double>(), 0.0, 1e-12);
  const torch::Tensor teacher = two_by_three().flip(1);
  distillation_loss(section, scores, teacher).backward();
  // d/ds of T^2 KL / n is T (softmax(s/T) - softmax(t/T)) / n.
  const torch::Tensor wanted =
      2.0 * (at::softmax(scores.detach() / 2.0, 1) - at::softmax(teacher / 2.0, 1)) / 2.0;
  EXPECT_LE((scores.grad() - wanted).abs().max().item<double>(), 1e-12);
}

TEST(Judged, CountsWhatGreedyDecodingGetsRightOfCtc) {
  // Three frames, blank and two classes: the path 0 1 1 says "1", that is the label 0; the path 2 0 1 says "2
  // 1".
  const torch::Tensor sure = 9.0 * torch::eye(3);
  Examples batch;
  batch.labels = torch::tensor({0, 0});
  batch.lengths = torch::tensor({3, 3});
  const torch::Tensor scores =
      torch::stack({torch::stack({sure[0], sure[1], sure[1]}), torch::stack({sure[2], sure[0], sure[1]})});
  const Judgement judgement = judged("ctc", scores, batch);
  EXPECT_EQ(judgement.right, 1);
  EXPECT_EQ(judgement.labels.errors, 1);
  EXPECT_EQ(judgement.labels.wanted, 2);
  EXPECT_THROW(judged("ctc", scores.select(1, 0), batch), Error);
}

}  // namespace
}  // namespace deltahop
