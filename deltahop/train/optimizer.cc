// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

Optimizer::Optimizer(const OptimizerSection& section, TrainableGraph& graph)
    : section_(section), graph_(graph) {
  for (const auto& parameter : graph.parameters()) {
    first_.push_back(torch::zeros_like(parameter.value.detach()));
    if (section.kind != "sgd") second_.push_back(torch::zeros_like(parameter.value.detach()));
  }
}

void Optimizer::clear_gradients() {
  for (auto& parameter : graph_.parameters()) parameter.value.mutable_grad() = torch::Tensor();
}

double Optimizer::clip_gradients() {
  double squares = 0.0;
  for (const auto& parameter : graph_.parameters())
    if (parameter.value.grad().defined()) squares += parameter.value.grad().square().sum().item<double>();
  const double length = std::sqrt(squares);
  if (section_.gradient_clip > 0.0 && length > section_.gradient_clip) {
    for (auto& parameter : graph_.parameters())
      if (parameter.value.grad().defined())
        parameter.value.mutable_grad().mul_(section_.gradient_clip / length);
  }
  return length;
}

double Optimizer::step(double learning_rate) {
  const torch::NoGradGuard guard;
  const double length = section_.gradient_clip > 0.0 ? clip_gradients() : 0.0;
  ++steps_;
  for (size_t i = 0; i < first_.size(); ++i)
    if (graph_.parameters()[i].value.grad().defined()) step_one(i, learning_rate);
  return length;
}

void Optimizer::step_one(size_t index, double learning_rate) {
  using Role = ForwardHooks::Role;
  auto& parameter = graph_.parameters()[index];
  torch::Tensor gradient = parameter.value.grad();
  const bool decays = section_.weight_decay > 0.0 &&
                      (parameter.role == Role::weight || parameter.role == Role::recurrent_weight);
  if (decays && section_.kind == "adamw") parameter.value.mul_(1.0 - learning_rate * section_.weight_decay);
  if (decays && section_.kind != "adamw") gradient = gradient.add(parameter.value, section_.weight_decay);
  if (section_.kind == "sgd") {
    first_[index].mul_(section_.momentum).add_(gradient);
    parameter.value.add_(section_.nesterov ? gradient.add(first_[index], section_.momentum) : first_[index],
                         -learning_rate);
    return;
  }
  first_[index].mul_(section_.beta1).add_(gradient, 1.0 - section_.beta1);
  second_[index].mul_(section_.beta2).addcmul_(gradient, gradient, 1.0 - section_.beta2);
  const double steps = static_cast<double>(steps_);
  const double first_share = 1.0 - std::pow(section_.beta1, steps),
               second_share = 1.0 - std::pow(section_.beta2, steps);
  const torch::Tensor spread = (second_[index] / second_share).sqrt_().add_(section_.epsilon);
  parameter.value.addcdiv_(first_[index], spread, -learning_rate / first_share);
}

std::map<std::string, torch::Tensor> Optimizer::state() const {
  std::map<std::string, torch::Tensor> all = {{"steps", torch::tensor({steps_}, torch::kInt64)}};
  for (size_t i = 0; i < first_.size(); ++i) {
    const std::string& name = graph_.parameters()[i].name;
    all["first/" + name] = first_[i];
    if (!second_.empty()) all["second/" + name] = second_[i];
  }
  return all;
}

void Optimizer::set_state(const std::map<std::string, torch::Tensor>& state) {
  const auto take = [&](const std::string& name, torch::Tensor& into) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != into.sizes())
      throw Error("checkpoint", fmt::format("its optimiser has no fitting '{}'", name),
                  "it belongs to another recipe");
    into.copy_(found->second);
  };
  torch::Tensor steps = torch::zeros({1}, torch::kInt64);
  take("steps", steps);
  steps_ = steps.item<int64_t>();
  for (size_t i = 0; i < first_.size(); ++i) {
    take("first/" + graph_.parameters()[i].name, first_[i]);
    if (!second_.empty()) take("second/" + graph_.parameters()[i].name, second_[i]);
  }
}

double Schedule::rate(int64_t epoch) const {
  const double warm = static_cast<double>(section_.warmup_epochs), at = static_cast<double>(epoch);
  if (epoch < section_.warmup_epochs) return base_ * (at + 1.0) / (warm + 1.0);
  double rate = base_;
  if (section_.kind == "step")
    rate *= std::pow(section_.factor, std::floor((at - warm) / static_cast<double>(section_.step_epochs)));
  if (section_.kind == "cosine") {
    const double length = std::max(1.0, static_cast<double>(epochs_) - warm);
    return section_.minimum +
           0.5 * (base_ - section_.minimum) * (1.0 + std::cos(std::numbers::pi * (at - warm) / length));
  }
  if (section_.kind == "plateau") rate *= state_.factor;
  return std::max(rate, std::min(section_.minimum, base_));
}

void Schedule::note(double validation_loss) {
  if (section_.kind != "plateau") return;
  if (!state_.has_best || validation_loss < state_.best) {
    state_.best = validation_loss;
    state_.has_best = true;
    state_.waited = 0;
  } else if (++state_.waited > section_.patience) {
    state_.factor *= section_.factor;
    state_.waited = 0;
  }
}

}  // namespace deltahop
