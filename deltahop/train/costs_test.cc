// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/costs.h"

#include <gtest/gtest.h>

#include "deltahop/network/mac_counts.h"
#include "deltahop/train/gradient_check_testing.h"

namespace deltahop {
namespace {

ConvolutionShape strided() {
  return {.groups = 2,
          .out_channels = 6,
          .in_channels = 4,
          .in_rows = 7,
          .in_columns = 9,
          .out_rows = 4,
          .out_columns = 3,
          .kernel_rows = 3,
          .kernel_columns = 5,
          .stride_rows = 2,
          .stride_columns = 3,
          .pad_top = 1,
          .pad_left = 1};
}

TEST(Costs, TheExecutedMacsAreThoseThatTheCounterFinds) {
  torch::manual_seed(31);
  const ConvolutionShape shape = strided();
  const torch::Tensor values = torch::relu(torch::randn({3, 4, 7, 9}));
  const MacCounter counter(shape, nullptr);
  int64_t expected = 0;
  for (int64_t b = 0; b < 3; ++b) {
    const torch::Tensor one = values[b].contiguous();
    expected += counter
                    .count(Tensor::of({1, 4, 7, 9}, std::vector<float>(one.data_ptr<float>(),
                                                                       one.data_ptr<float>() + one.numel())))
                    .nonzero_input;
  }
  const torch::Tensor ours =
      executed_macs(values.to(torch::kFloat64), macs_of_values(shape, torch::kFloat64), 1);
  EXPECT_DOUBLE_EQ(ours.item<double>() * 3, static_cast<double>(expected));
}

TEST(Costs, TheGradientOfTheMacsIsThatOfTheirRamp) {
  torch::manual_seed(32);
  const torch::Tensor macs = macs_of_values(strided(), torch::kFloat64);
  torch::Tensor ours = torch::randn({2, 4, 7, 9}, torch::kFloat64).requires_grad_(true);
  torch::Tensor ramp = ours.detach().clone().requires_grad_(true);
  executed_macs(ours, macs, 0.7).backward();
  ((ramp.abs() / 0.7).clamp_max(1) * macs / 2).sum().backward();
  EXPECT_LT(largest_difference(ours.grad(), ramp.grad()), 1e-12);
  const auto cost = [&](const std::vector<torch::Tensor>& x) {
    return ((x[0].abs() / 0.7).clamp_max(1) * macs / 2).sum();
  };
  EXPECT_LT(gradient_error(cost, {ours}), 1e-5);
}

TEST(Costs, ZerosCostNothingAndGetNoGradient) {
  torch::Tensor values = torch::zeros({1, 4, 7, 9}, torch::kFloat64).requires_grad_(true);
  const torch::Tensor cost = executed_macs(values, macs_of_values(strided(), torch::kFloat64), 1);
  cost.backward();
  EXPECT_EQ(cost.item<double>(), 0);
  EXPECT_EQ(values.grad().abs().max().item<double>(), 0);
}

TEST(Costs, TheActivationCostIsTheMeanMagnitudeWithItsGradient) {
  torch::manual_seed(33);
  const auto cost = [](const std::vector<torch::Tensor>& x) { return activation_cost(x[0]); };
  const torch::Tensor values = torch::tensor({1.0, -3.0, 0.5, 0.5}, torch::kFloat64);
  EXPECT_DOUBLE_EQ(cost({values}).item<double>(), 1.25);
  EXPECT_LT(gradient_error(cost, {values}), 1e-8);
}

}  // namespace
}  // namespace deltahop
