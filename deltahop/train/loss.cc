// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/loss.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

torch::Tensor judged_scores(const torch::Tensor& scores, const torch::Tensor& lengths) {
  if (scores.dim() != 3) return scores.dim() == 2 ? scores : scores.reshape({scores.size(0), -1});
  if (!lengths.defined()) return scores.select(1, scores.size(1) - 1);
  const torch::Tensor last = (lengths - 1).reshape({-1, 1, 1}).expand({scores.size(0), 1, scores.size(2)});
  return scores.gather(1, last).squeeze(1);
}

torch::Tensor classification_loss(const std::string& kind, const torch::Tensor& scores,
                                  const torch::Tensor& labels) {
  const int64_t classes = scores.size(1);
  const int64_t lowest = labels.min().item<int64_t>(), highest = labels.max().item<int64_t>();
  if (lowest < 0 || highest >= classes) {
    throw Error(
        "data",
        fmt::format("a label is {}, the network has {} outputs", lowest < 0 ? lowest : highest, classes),
        "labels count from 0");
  }
  if (kind == "cross_entropy") return at::cross_entropy_loss(scores, labels);
  const torch::Tensor wanted = at::one_hot(labels, classes).to(scores.scalar_type());
  if (kind == "squared_hinge")
    return at::clamp_min(1 - (2 * wanted - 1) * scores, 0.0).square().sum(1).mean();
  if (kind == "mse") return (scores - wanted).square().mean();
  throw Error("loss", fmt::format("'{}' judges no single labels", kind));
}

torch::Tensor distillation_loss(const TeacherSection& section, const torch::Tensor& scores,
                                const torch::Tensor& teacher) {
  if (scores.sizes() != teacher.sizes())
    throw Error("teacher", "its outputs are not as many as the network's");
  if (section.target == "logits") return (scores - teacher).square().mean();
  const double t = section.temperature;
  return at::kl_div(at::log_softmax(scores / t, 1), at::log_softmax(teacher / t, 1), at::Reduction::Sum,
                    true) *
         (t * t / static_cast<double>(scores.size(0)));
}

int64_t right_answers(const torch::Tensor& scores, const torch::Tensor& labels) {
  return at::argmax(scores, 1).eq(labels).sum().item<int64_t>();
}

namespace {

Judgement judged_by_ctc(const torch::Tensor& scores, const Examples& batch) {
  if (scores.dim() != 3)
    throw Error("loss", "'ctc' judges scores of every frame, and the network gives one answer",
                "read all outputs of the recurrent layer");
  const torch::Tensor sequences = (batch.labels.dim() == 1 ? batch.labels.unsqueeze(1) : batch.labels) + 1;
  const torch::Tensor counts = sequences.gt(0).sum(1);
  const int64_t highest = sequences.max().item<int64_t>();
  if (highest >= scores.size(2))
    throw Error("data",
                fmt::format("a label is {}, the network has {} outputs beside the blank", highest - 1,
                            scores.size(2) - 1),
                "labels count from 0, output 0 is the blank");
  Judgement result;
  result.loss = mean_ctc_loss(scores, batch.lengths, sequences, counts);
  std::vector<LabelSequence> found, wanted;
  for (int64_t i = 0; i < scores.size(0); ++i) {
    const int64_t frames = batch.lengths.defined() ? batch.lengths[i].item<int64_t>() : scores.size(1);
    const torch::Tensor labels = sequences[i].narrow(0, 0, counts[i].item<int64_t>()).contiguous();
    found.push_back(greedy_labels(scores[i].detach().narrow(0, 0, frames)));
    wanted.emplace_back(labels.data_ptr<int64_t>(), labels.data_ptr<int64_t>() + labels.numel());
    result.right += found.back() == wanted.back() ? 1 : 0;
  }
  result.labels = label_error_rate(found, wanted);
  return result;
}

}  // namespace

Judgement judged(const std::string& kind, const torch::Tensor& scores, const Examples& batch) {
  if (kind == "ctc") return judged_by_ctc(scores, batch);
  Judgement result;
  result.scores = judged_scores(scores, batch.lengths);
  result.loss = classification_loss(kind, result.scores, batch.labels);
  result.right = right_answers(result.scores, batch.labels);
  return result;
}

}  // namespace deltahop
