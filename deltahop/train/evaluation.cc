// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/evaluation.h"

#include <fmt/format.h>

#include "deltahop/train/batches.h"
#include "deltahop/train/loss.h"

namespace deltahop {
namespace {

bool is_finite(const torch::Tensor& value) { return at::isfinite(value).all().item<bool>(); }

// Looks at every value after the other hooks have had it.
class Watcher final : public ForwardHooks {
 public:
  explicit Watcher(ForwardHooks& inner) : inner_(inner) {}
  torch::Tensor weight(const std::string& name, const std::string& node, Role role,
                       const torch::Tensor& given) override {
    const torch::Tensor result = inner_.weight(name, node, role, given);
    if (found_.empty() && !is_finite(result))
      found_ = fmt::format("the weights '{}' of node '{}'", name, node);
    return result;
  }
  torch::Tensor value(const std::string& name, const std::string& node, const torch::Tensor& given) override {
    const torch::Tensor result = inner_.value(name, node, given);
    if (found_.empty() && !is_finite(result))
      found_ = node.empty() ? "the input" : fmt::format("node '{}'", node);
    return result;
  }
  torch::Tensor held_inputs(const RecurrentCall& call) override { return inner_.held_inputs(call); }
  bool holds_hidden(const std::string& node) override { return inner_.holds_hidden(node); }
  torch::Tensor held_hidden(const RecurrentCall& call, const torch::Tensor& hidden,
                            const torch::Tensor& sent) override {
    return inner_.held_hidden(call, hidden, sent);
  }
  bool recurrent(const RecurrentCall& call, RecurrentResult& result) override {
    return inner_.recurrent(call, result);
  }
  const std::string& found() const { return found_; }

 private:
  ForwardHooks& inner_;
  std::string found_;
};

}  // namespace

Metrics evaluated(TrainableGraph& graph, TrainingHooks& hooks, const Examples& examples,
                  const std::string& loss, int64_t batch) {
  graph.set_training(false);
  if (examples.size() == 0) return {};
  const torch::NoGradGuard guard;
  hooks.begin_evaluation();
  double sum = 0.0;
  int64_t right = 0;
  ErrorRate labels;
  const auto batches = plain_batches(examples, batch);
  for (Examples one; batches->next(one);) {
    hooks.begin_batch(one);
    const Judgement judgement = judged(loss, graph.forward(one.inputs, one.lengths, hooks), one);
    sum += judgement.loss.item<double>() * static_cast<double>(one.size());
    right += judgement.right;
    labels.errors += judgement.labels.errors;
    labels.wanted += judgement.labels.wanted;
  }
  Metrics metrics = hooks.metrics();
  metrics["loss"] = sum / static_cast<double>(examples.size());
  metrics["accuracy"] = static_cast<double>(right) / static_cast<double>(examples.size());
  if (loss == "ctc") metrics["label_errors_fraction"] = labels.fraction();
  return metrics;
}

std::string first_unfinite_node(TrainableGraph& graph, const Examples& batch, ForwardHooks& hooks) {
  const torch::NoGradGuard guard;
  Watcher watcher(hooks);
  graph.forward(batch.inputs, batch.lengths, watcher);
  return watcher.found();
}

}  // namespace deltahop
