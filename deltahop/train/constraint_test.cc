// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/network/mac_counts.h"
#include "deltahop/network/quantized_gru.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Network pictures() {
  return read_yaml_network(
      Config::from_text("name: n\n"
                        "input: {name: x, shape: [1, 2, 8, 8]}\n"
                        "layers:\n"
                        "  - {name: a, type: conv, out_channels: 4, kernel: 3, activation: relu}\n"
                        "  - {name: p, type: max_pool, kernel: 2}\n"
                        "  - {name: b, type: conv, out_channels: 6, kernel: 3, activation: relu}\n"
                        "  - {name: fc, type: fc, out_features: 3}\n",
                        "n.yaml"),
      {}, "");
}

Network sequences() {
  return read_yaml_network(Config::from_text("name: n\n"
                                             "input: {name: x, shape: [time, 1, 5]}\n"
                                             "layers:\n"
                                             "  - {name: g1, type: gru, units: 8}\n"
                                             "  - {name: g2, type: gru, units: 8, output: last}\n"
                                             "  - {name: fc, type: fc, out_features: 3}\n",
                                             "n.yaml"),
                           {}, "");
}

ConstraintSection section(const std::string& kind) {
  ConstraintSection made;
  made.name = made.kind = kind;
  made.place = "r.yaml:3:1";
  return made;
}

// Training or evaluation of one batch.
torch::Tensor forward(TrainableGraph& graph, ConstraintSet& set, const torch::Tensor& x, bool training) {
  graph.set_training(training);
  set.begin_batch({});
  return graph.forward(x, {}, set);
}

bool is_code(const torch::Tensor& values, int fraction_bits) {
  const torch::Tensor scaled = values.detach() * std::ldexp(1.0, fraction_bits);
  return torch::equal(scaled, scaled.round());
}

TEST(Constraint, RoundingMakesCodesOfResultsAndLearnsTheOtherCopy) {
  torch::manual_seed(41);
  TrainableGraph graph(pictures());
  ConstraintSection rounding = section("rounding");
  rounding.activation_fraction = 5;
  rounding.weight_fraction = 4;
  ConstraintSet set({rounding}, graph);
  const torch::Tensor out = forward(graph, set, torch::rand({6, 2, 8, 8}), true);
  EXPECT_TRUE(is_code(out, 5));
  out.pow(2).sum().backward();
  for (const auto& parameter : graph.parameters()) {
    EXPECT_GT(parameter.value.grad().abs().max().item<double>(), 0) << parameter.name;
    const bool rounds = parameter.role == ForwardHooks::Role::weight && is_code(parameter.value, 4);
    EXPECT_FALSE(rounds) << parameter.name;
  }
}

TEST(Constraint, AFinishedNetworkHasRoundedWeightsAndFormatsThatTheIntegerModelTakes) {
  TrainableGraph graph(pictures());
  ConstraintSection rounding = section("rounding");
  rounding.activation_bits = 12;
  rounding.activation_fraction = 7;
  rounding.weight_bits = 8;
  rounding.weight_fraction = 6;
  ConstraintSet set({rounding}, graph);
  const Network finished = set.finished(graph.to_network());
  const auto text = finished.metadata().find(std::string(kFormatsKey));
  ASSERT_NE(text, finished.metadata().end());
  const IntegerModel model = model_from_formats(finished, text->second, "x");
  EXPECT_EQ(model.arithmetic.rounding, Rounding::floor);
  EXPECT_EQ(model.formats.at(finished.find_value("a.weight")), (FixedFormat{8, 6}));
  EXPECT_EQ(model.formats.at(finished.find_value("p")), (FixedFormat{12, 7}));
  for (const float weight : finished.value(finished.find_value("b.weight")).constant->values<float>())
    EXPECT_EQ(weight * 64, std::nearbyint(weight * 64));
}

TEST(Constraint, FoundFormatsFollowTheMagnitudesAndSurviveACheckpoint) {
  torch::manual_seed(42);
  TrainableGraph graph(pictures());
  ConstraintSet set({section("rounding")}, graph), resumed({section("rounding")}, graph);
  for (int batch = 0; batch < 3; ++batch) forward(graph, set, torch::rand({4, 2, 8, 8}) * 100, true);
  resumed.set_state(set.state());
  EXPECT_EQ(resumed.state(), set.state());
  const torch::Tensor x = torch::rand({4, 2, 8, 8}) * 100;
  EXPECT_TRUE(torch::equal(forward(graph, set, x, false), forward(graph, resumed, x, false)));
  const Network finished = resumed.finished(graph.to_network());
  const IntegerModel model =
      model_from_formats(finished, finished.metadata().at(std::string(kFormatsKey)), "x");
  EXPECT_EQ(model.formats.at(finished.find_value("x")),
            (FixedFormat{16, 8}));  // up to 100: seven bits before the point
}

TEST(Constraint, ConstraintsHoldInTheirEpochsOnlyAndRampsGrow) {
  ConstraintSection cost = section("activation_cost");
  cost.weight = 2;
  cost.start_epoch = 1;
  cost.end_epoch = 5;
  cost.ramp_epochs = 1;
  torch::manual_seed(43);
  TrainableGraph graph(pictures());
  ConstraintSet set({cost}, graph);
  const torch::Tensor x = torch::rand({4, 2, 8, 8});
  std::vector<double> costs;
  for (int64_t epoch = 0; epoch < 6; ++epoch) {
    set.begin_epoch(epoch);
    forward(graph, set, x, true);
    costs.push_back(set.cost().defined() ? set.cost().item<double>() : 0);
  }
  EXPECT_EQ(costs[0], 0);
  EXPECT_GT(costs[2], 0);
  EXPECT_NEAR(costs[1], costs[2] / 2, 1e-6);
  EXPECT_EQ(costs[3], costs[2]);
  EXPECT_EQ(costs[5], 0);
  EXPECT_EQ(set.settled_from(), 5);
}

TEST(Constraint, TheMacCostIsTheFractionOfMacsThatAreExecuted) {
  TrainableGraph graph(pictures());
  ConstraintSection cost = section("mac_cost");
  cost.weight = 1;
  ConstraintSet set({cost}, graph);
  for (auto& parameter : graph.parameters()) {
    const torch::NoGradGuard no_gradients;
    parameter.value.fill_(1);  // every activation of a positive input is positive
  }
  forward(graph, set, torch::ones({2, 2, 8, 8}), true);
  EXPECT_FLOAT_EQ(set.cost().item<float>(), 1.0f);
}

TEST(Constraint, EvaluationCountsZerosAndCostsNothing) {
  torch::manual_seed(44);
  TrainableGraph graph(pictures());
  ConstraintSection cost = section("activation_cost");
  cost.weight = 1;
  ConstraintSet set({cost}, graph);
  set.begin_evaluation();
  forward(graph, set, torch::rand({5, 2, 8, 8}), false);
  EXPECT_FALSE(set.cost().defined());
  const Metrics metrics = set.metrics();
  ASSERT_EQ(metrics.count("a.zeros_fraction"), 1u);
  EXPECT_GT(metrics.at("a.zeros_fraction"), 0);
  EXPECT_LT(metrics.at("a.zeros_fraction"), 1);
}

TEST(Constraint, EvaluationCountsTheMacsThatAChipExecutes) {
  const Network network = read_yaml_network(
      Config::from_text("name: n\n"
                        "input: {name: x, shape: [1, 2, 6, 6]}\n"
                        "layers:\n"
                        "  - {name: a, type: conv, out_channels: 4, kernel: 3, pad: 1, stride: 2}\n",
                        "n.yaml"),
      {}, "");
  TrainableGraph graph(network);
  ConstraintSet set({}, graph);
  const torch::Tensor x = torch::arange(3 * 72).reshape({3, 2, 6, 6}).remainder(5).to(torch::kFloat);
  graph.set_training(false);
  set.begin_evaluation();
  forward(graph, set, x.narrow(0, 0, 2), false);
  forward(graph, set, x.narrow(0, 2, 1), false);
  // Second implementation: the counter that reports of simulations use.
  Tensor input(DataType::float32, {3, 2, 6, 6});
  std::copy_n(x.contiguous().data_ptr<float>(), x.numel(), input.values<float>().data());
  ConvolutionShape shape = ValuePlan(network).results.at("x").readers.at(0);
  shape.batch = 3;
  const MacCounts counts = MacCounter(shape, nullptr).count(input);
  const Metrics metrics = set.metrics();
  EXPECT_DOUBLE_EQ(metrics.at("executed_macs"), static_cast<double>(counts.nonzero_input) / 3);
  EXPECT_DOUBLE_EQ(metrics.at("executed_macs_fraction"),
                   static_cast<double>(counts.nonzero_input) / static_cast<double>(counts.inside));
}

TEST(Constraint, DeltaThresholdsCostsAndNoiseWorkTogetherAndTravel) {
  torch::manual_seed(45);
  TrainableGraph graph(sequences());
  ConstraintSection delta = section("delta"), cost = section("delta_cost"), noise = section("state_noise"),
                    rounding = section("rounding");
  delta.threshold_x = 0.25;
  delta.threshold_h = 0.125;
  cost.weight = 0.5;
  noise.deviation = 0.05;
  rounding.weight_bits = 8;
  ConstraintSet set({delta, cost, noise, rounding}, graph);
  const torch::Tensor x = (torch::randn({3, 12, 5}) * 0.3).cumsum(1);
  const torch::Tensor out = forward(graph, set, x, true);
  ASSERT_TRUE(set.cost().defined());
  (out.pow(2).sum() + set.cost()).backward();
  for (const auto& parameter : graph.parameters())
    EXPECT_GT(parameter.value.grad().abs().max().item<double>(), 0) << parameter.name;
  set.begin_evaluation();
  EXPECT_TRUE(torch::equal(forward(graph, set, x, false), forward(graph, set, x, false)));  // without noise
  const Metrics metrics = set.metrics();
  EXPECT_LT(metrics.at("g1.sent_x_fraction"), 1);
  EXPECT_GT(metrics.at("read_weights_fraction"), 0);
  const Network finished = set.finished(graph.to_network());
  EXPECT_EQ(thresholds_in(finished).of("g2"), (DeltaThresholds{.input = 0.25, .hidden = 0.125}));
  EXPECT_EQ(gru_formats_in(finished), DeltaGruFormats{});
  const auto bias = finished.value(finished.find_value("g1.B")).constant->values<float>();
  EXPECT_TRUE(std::all_of(bias.end() - 8, bias.end(), [](float value) { return value == 0; }));
}

TEST(Constraint, WhatDoesNotFitTheNetworkIsRefusedWithItsPlace) {
  TrainableGraph graph(pictures());
  EXPECT_THAT(([&] { ConstraintSet set({section("delta")}, graph); }),
              ThrowsMessage<Error>(HasSubstr("r.yaml:3:1: is for networks with GRUs")));
  TrainableGraph recurrent(sequences());
  ConstraintSection again = section("delta");
  again.name = "again";
  EXPECT_THAT(([&] {
                ConstraintSet set({section("delta"), again}, recurrent);
              }),
              ThrowsMessage<Error>(HasSubstr("'g1' has its thresholds from 'delta' already")));
  ConstraintSection named = section("dropout");
  named.nodes = {"conv9"};
  EXPECT_THAT(([&] { ConstraintSet set({named}, graph); }),
              ThrowsMessage<Error>(HasSubstr("no node is called 'conv9'")));
}

}  // namespace
}  // namespace deltahop
