// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/optimizer.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

namespace deltahop {
namespace {

// y = x w + b with one weight and one bias, both 1.
Network line() {
  NetworkBuilder builder("line");
  const ValueId x = builder.input("x", DataType::float64, {1, 1});
  builder.output(builder.node("Gemm", "fc",
                              {x, builder.constant("w", Tensor::of<double>({1, 1}, {1.0})),
                               builder.constant("b", Tensor::of<double>({1}, {1.0}))})[0]);
  return builder.build();
}

GraphOptions in_double() {
  GraphOptions options;
  options.type = torch::kFloat64;
  return options;
}

struct Line {
  TrainableGraph graph;
  Line() : graph(line(), in_double()) {}
  torch::Tensor& weight() { return graph.parameters()[0].value; }
  torch::Tensor& bias() { return graph.parameters()[1].value; }
  void give(double of_weight, double of_bias) {
    weight().mutable_grad() = torch::full_like(weight().detach(), of_weight);
    bias().mutable_grad() = torch::full_like(bias().detach(), of_bias);
  }
};

TEST(Optimizer, OfSgdAddsUpMomentum) {
  Line line;
  Optimizer optimizer({.kind = "sgd", .momentum = 0.5}, line.graph);
  for (int i = 0; i < 2; ++i) {
    line.give(1.0, 2.0);
    optimizer.step(0.1);
  }
  EXPECT_NEAR(line.weight().item<double>(), 1.0 - 0.1 * (1.0 + 1.5), 1e-15);
  EXPECT_NEAR(line.bias().item<double>(), 1.0 - 0.1 * 2.0 * (1.0 + 1.5), 1e-15);
}

TEST(Optimizer, OfAdamStepsByTheLearningRateWhateverTheGradientsSize) {
  for (const double gradient : {1e-3, 1.0, 1e3}) {
    Line line;
    Optimizer optimizer({.kind = "adam", .epsilon = 0.0}, line.graph);
    for (int i = 0; i < 3; ++i) {
      line.give(gradient, -gradient);
      optimizer.step(0.01);
    }
    EXPECT_NEAR(line.weight().item<double>(), 1.0 - 0.03, 1e-12);
    EXPECT_NEAR(line.bias().item<double>(), 1.0 + 0.03, 1e-12);
  }
}

TEST(Optimizer, OfAdamWShrinksWeightsAndNotBiases) {
  Line line;
  Optimizer optimizer({.kind = "adamw", .weight_decay = 0.1}, line.graph);
  line.give(0.0, 0.0);
  optimizer.step(0.5);
  EXPECT_NEAR(line.weight().item<double>(), 1.0 - 0.5 * 0.1, 1e-15);
  EXPECT_EQ(line.bias().item<double>(), 1.0);
}

TEST(Optimizer, ClipsTheLengthOfAllGradientsTogether) {
  Line line;
  Optimizer optimizer({.kind = "sgd", .momentum = 0.0, .gradient_clip = 1.0}, line.graph);
  line.give(3.0, 4.0);
  EXPECT_NEAR(optimizer.step(1.0), 5.0, 1e-15);
  EXPECT_NEAR(line.weight().item<double>(), 1.0 - 0.6, 1e-15);
  EXPECT_NEAR(line.bias().item<double>(), 1.0 - 0.8, 1e-15);
}

TEST(Optimizer, GoesOnFromItsState) {
  Line whole, first, second;
  Optimizer a({.kind = "adam"}, whole.graph), b({.kind = "adam"}, first.graph),
      c({.kind = "adam"}, second.graph);
  const auto step = [](Line& line, Optimizer& optimizer, int i) {
    line.give(std::sin(i), std::cos(i));
    optimizer.step(0.01);
  };
  for (int i = 0; i < 10; ++i) step(whole, a, i);
  for (int i = 0; i < 4; ++i) step(first, b, i);
  {
    const torch::NoGradGuard guard;
    second.weight().copy_(first.weight());
    second.bias().copy_(first.bias());
  }
  c.set_state(b.state());
  for (int i = 4; i < 10; ++i) step(second, c, i);
  EXPECT_EQ(whole.weight().item<double>(), second.weight().item<double>());
  EXPECT_EQ(whole.bias().item<double>(), second.bias().item<double>());
}

TEST(Schedule, FollowsItsFormula) {
  const Schedule step({.kind = "step", .step_epochs = 3, .factor = 0.5}, 1.0, 9);
  EXPECT_EQ(step.rate(2), 1.0);
  EXPECT_EQ(step.rate(3), 0.5);
  EXPECT_EQ(step.rate(8), 0.25);
  const Schedule cosine({.kind = "cosine", .warmup_epochs = 2, .minimum = 0.1}, 1.0, 12);
  EXPECT_NEAR(cosine.rate(0), 1.0 / 3.0, 1e-15);
  EXPECT_NEAR(cosine.rate(1), 2.0 / 3.0, 1e-15);
  EXPECT_NEAR(cosine.rate(2), 1.0, 1e-15);
  EXPECT_NEAR(cosine.rate(7), 0.55, 1e-15);  // half way: the mean of both ends
  Schedule plateau({.kind = "plateau", .factor = 0.1, .patience = 1}, 1.0, 9);
  for (const double loss : {3.0, 2.0, 2.0}) plateau.note(loss);
  EXPECT_EQ(plateau.rate(3), 1.0);
  plateau.note(2.5);
  EXPECT_NEAR(plateau.rate(4), 0.1, 1e-15);
}

}  // namespace
}  // namespace deltahop
