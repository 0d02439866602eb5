// SPDX-License-Identifier: Apache-2.0
// For tests: gradients against central differences, in double. LibTorch 1.13 has no gradcheck in C++.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "deltahop/train/torch.h"

namespace deltahop {

using ScalarFunction = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

// The largest difference between the gradient of the scalar that `function` makes and its central difference,
// over all elements of all arguments, relative to 1 or to the gradient where that is larger.
inline double gradient_error(const ScalarFunction& function, std::vector<torch::Tensor> arguments,
                             double step = 1e-6) {
  for (torch::Tensor& each : arguments) each = each.detach().clone().requires_grad_(true);
  function(arguments).backward();
  double worst = 0;
  for (torch::Tensor& each : arguments) {
    const torch::Tensor gradient = each.grad().defined() ? each.grad().contiguous() : torch::zeros_like(each);
    const torch::NoGradGuard no_gradients;
    double* const values = each.data_ptr<double>();
    for (int64_t k = 0; k < each.numel(); ++k) {
      const double kept = values[k];
      values[k] = kept + step;
      const double above = function(arguments).item<double>();
      values[k] = kept - step;
      const double below = function(arguments).item<double>();
      values[k] = kept;
      const double ours = gradient.data_ptr<double>()[k];
      worst = std::max(worst, std::abs((above - below) / (2 * step) - ours) / std::max(1.0, std::abs(ours)));
    }
  }
  return worst;
}

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace deltahop
