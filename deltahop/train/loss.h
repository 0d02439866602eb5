// SPDX-License-Identifier: Apache-2.0
// What training makes small, and how right the scores are.
#pragma once

#include <string>

#include "deltahop/recipe/recipe.h"
#include "deltahop/train/ctc.h"
#include "deltahop/train/dataset.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// The scores that are judged: of every example's last frame where they are [batch, time, classes] and there
// is one label an example.
torch::Tensor judged_scores(const torch::Tensor& scores, const torch::Tensor& lengths);

// The mean over the batch, a scalar. scores [batch, classes], labels [batch]. kind: "cross_entropy";
// "squared_hinge": the sum over the classes of max(0, 1 - y s)^2, y 1 for the label and -1 for the others;
// "mse": the mean over the classes of (s - y)^2, y 1 for the label and 0 for the others. Throws Error on
// labels that there is no class for.
torch::Tensor classification_loss(const std::string& kind, const torch::Tensor& scores,
                                  const torch::Tensor& labels);

// How far scores are from a teacher's: "classes": the Kullback-Leibler distance of the classes softened by
// the temperature, times its square, as in [Hinton2015]; "logits": the mean squared difference.
torch::Tensor distillation_loss(const TeacherSection& section, const torch::Tensor& scores,
                                const torch::Tensor& teacher);

// How many labels have the highest score; of several, the first counts.
int64_t right_answers(const torch::Tensor& scores, const torch::Tensor& labels);

// A batch held against its labels. Of "ctc" (scores [batch, time, 1 + classes], class 0 the blank) a label is
// the sequence of its one class, labels [batch, n] are sequences padded with -1; right is what greedy
// decoding gets without a slip.
struct Judgement {
  torch::Tensor loss;    // the mean over the batch
  torch::Tensor scores;  // judged_scores(); of "ctc" undefined
  int64_t right = 0;
  ErrorRate labels;  // of "ctc"
};
// scores: as the network gives them. Throws Error where the kind of loss does not fit them.
Judgement judged(const std::string& kind, const torch::Tensor& scores, const Examples& batch);

}  // namespace deltahop
