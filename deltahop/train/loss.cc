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

}  // namespace deltahop
