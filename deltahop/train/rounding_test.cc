// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/rounding.h"

#include <gtest/gtest.h>

#include "deltahop/train/gradient_check_testing.h"

namespace deltahop {
namespace {

torch::Tensor doubles(std::vector<double> values) { return torch::tensor(values, torch::kFloat64); }

torch::Tensor gradient_of(const std::function<torch::Tensor(const torch::Tensor&)>& function,
                          torch::Tensor at) {
  at.requires_grad_(true);
  const torch::Tensor weights = torch::arange(1, at.numel() + 1, torch::kFloat64);
  (function(at) * weights).sum().backward();
  return at.grad();
}

TEST(Rounding, GivesTheCodesOfTensorFixedPointForEveryRule) {
  torch::manual_seed(1);
  const FixedFormat format{6, 3};
  const torch::Tensor values =
      torch::cat({torch::randn({200}, torch::kFloat64) * 3, torch::arange(-80, 80) / 16.0});
  for (const Rounding rule : {Rounding::floor, Rounding::toward_zero, Rounding::half_up, Rounding::half_away,
                              Rounding::half_even}) {
    const torch::Tensor ours = rounded(values, format, {.rounding = rule});
    for (int64_t k = 0; k < values.numel(); ++k)
      EXPECT_EQ(ours[k].item<double>(),
                format.step() * static_cast<double>(quantized(values[k].item<double>(), format, rule)))
          << values[k] << " " << name_of(rule);
  }
}

TEST(Rounding, FloatsAreRoundedAsDoublesAre) {
  torch::manual_seed(2);
  const torch::Tensor values = torch::randn({1000}) * 2;
  for (const Rounding rule : {Rounding::floor, Rounding::half_even})
    EXPECT_TRUE(torch::equal(rounded(values, {8, 6}, {.rounding = rule}).to(torch::kFloat64),
                             rounded(values.to(torch::kFloat64), {8, 6}, {.rounding = rule})));
}

TEST(Rounding, ASymmetricFormatLeavesTheLowestCodeUnused) {
  EXPECT_EQ(rounded(doubles({-7.0}), {8, 7}, {.symmetric = true}).item<double>(), -127.0 / 128);
  EXPECT_EQ(rounded(doubles({-7.0}), {8, 7}).item<double>(), -1.0);
}

TEST(Rounding, TheGradientIsTheIdentityInsideTheRange) {
  const torch::Tensor gradient = gradient_of(
      [](const torch::Tensor& x) {
        return rounded(x, {8, 4});
      },
      doubles({-7.9, -0.01, 0.3, 5.5}));
  EXPECT_TRUE(torch::equal(gradient, doubles({1, 2, 3, 4})));
}

TEST(Rounding, BeyondTheRangeTheGradientStopsOrPassesAsAsked) {
  const torch::Tensor at = doubles({-9.0, 0.25, 9.0, 7.96});  // Q4.4: -8 to 7.9375; 7.96 rounds to what fits
  const auto with = [&](BeyondRange beyond) {
    return gradient_of(
        [=](const torch::Tensor& x) {
          return rounded(x, {8, 4}, {.beyond = beyond});
        },
        at.clone());
  };
  EXPECT_TRUE(torch::equal(with(BeyondRange::stops), doubles({0, 2, 0, 4})));
  EXPECT_TRUE(torch::equal(with(BeyondRange::passes), doubles({1, 2, 3, 4})));
}

TEST(Rounding, StoppedGradientsAreThoseOfTheClipWhereRoundingIsFine) {
  // With a step of 2^-30 the rounded function is the clip up to 1e-9, which differences of 1e-3 do not see.
  torch::manual_seed(3);
  const auto cost = [](const std::vector<torch::Tensor>& x) {
    return rounded(x[0], {32, 30}, {.beyond = BeyondRange::stops}).pow(2).sum();
  };
  EXPECT_LT(gradient_error(cost, {torch::randn({20}, torch::kFloat64) * 3}, 1e-3), 1e-4);
}

TEST(Rounding, StochasticRoundingGivesNeighboursWhoseMeanIsTheNumber) {
  torch::manual_seed(4);
  const torch::Tensor values = torch::full({40000}, 0.3, torch::kFloat64);
  const torch::Tensor result = stochastically_rounded(values, {8, 2});
  EXPECT_TRUE(result.eq(0.25).logical_or(result.eq(0.5)).all().item<bool>());
  // The mean's standard deviation is 0.25 sqrt(0.2 * 0.8 / 40000) = 0.0005.
  EXPECT_NEAR(result.mean().item<double>(), 0.3, 0.0025);
}

TEST(Rounding, StochasticRoundingKeepsCodesAndPassesTheGradient) {
  const torch::Tensor at = doubles({0.25, -0.5, 1.75});
  EXPECT_TRUE(torch::equal(stochastically_rounded(at, {8, 2}), at));
  EXPECT_TRUE(torch::equal(gradient_of(
                               [](const torch::Tensor& x) {
                                 return stochastically_rounded(x, {8, 2});
                               },
                               at.clone()),
                           doubles({1, 2, 3})));
}

TEST(Rounding, StochasticRoundingRepeatsWithItsGenerator) {
  const torch::Tensor values = torch::rand({100}, torch::kFloat64);
  const auto drawn = [&] {
    return stochastically_rounded(values, {8, 2}, {}, at::make_generator<at::CPUGeneratorImpl>(uint64_t{7}));
  };
  EXPECT_TRUE(torch::equal(drawn(), drawn()));
}

TEST(Rounding, Pow2TernaryWeightsAreMinusAStepZeroAndAStep) {
  // [Ott2016]: Q1.1 is {-0.5, 0, 0.5}; ties go to the even code.
  EXPECT_TRUE(torch::equal(pow2_ternary(doubles({-3.0, -0.3, -0.25, 0.2, 0.26, 0.8}), 1),
                           doubles({-0.5, -0.5, 0, 0, 0.5, 0.5})));
}

TEST(Rounding, ThePow2TernaryGradientIsTheIdentityEverywhere) {
  EXPECT_TRUE(torch::equal(
      gradient_of([](const torch::Tensor& x) { return pow2_ternary(x, 2); }, doubles({-3.0, 0.1, 0.2})),
      doubles({1, 2, 3})));
}

}  // namespace
}  // namespace deltahop
