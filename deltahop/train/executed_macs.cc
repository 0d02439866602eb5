// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/executed_macs.h"

#include <algorithm>

#include "deltahop/train/costs.h"

namespace deltahop {

ExecutedMacsCount::ExecutedMacsCount(const ValuePlan& plan) {
  for (const auto& [name, result] : plan.results) {
    for (const ConvolutionShape& shape : result.readers) {
      const torch::Tensor macs = macs_of_values(shape, torch::kFloat64).flatten();
      torch::Tensor& all = multiplied_[name].macs;
      all = all.defined() ? all + macs : macs;
    }
  }
  clear();
}

void ExecutedMacsCount::clear() {
  for (auto& [name, one] : multiplied_) {
    one.nonzero = torch::zeros({one.macs.numel()}, torch::kInt64);
    one.examples = 0;
  }
}

void ExecutedMacsCount::add(const std::string& name, const torch::Tensor& value) {
  const auto found = multiplied_.find(name);
  if (found == multiplied_.end()) return;
  found->second.nonzero += value.ne(0).flatten(1).sum(0);
  found->second.examples += value.size(0);
}

int64_t ExecutedMacsCount::examples() const {
  int64_t most = 0;
  for (const auto& [name, one] : multiplied_) most = std::max(most, one.examples);
  return most;
}

int64_t ExecutedMacsCount::executed() const {
  int64_t sum = 0;
  for (const auto& [name, one] : multiplied_)
    sum += one.nonzero.dot(one.macs.to(torch::kInt64)).item<int64_t>();
  return sum;
}

int64_t ExecutedMacsCount::all() const {
  int64_t sum = 0;
  for (const auto& [name, one] : multiplied_)
    sum += one.macs.to(torch::kInt64).sum().item<int64_t>() * one.examples;
  return sum;
}

}  // namespace deltahop
