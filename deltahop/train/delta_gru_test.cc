// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/delta_gru.h"

#include <torch/nn/modules/rnn.h>

#include <gtest/gtest.h>

#include "deltahop/network/delta_cell.h"
#include "deltahop/train/gradient_check_testing.h"

namespace deltahop {
namespace {

torch::Tensor random(std::vector<int64_t> shape, double scale = 1) {
  return torch::randn(shape, torch::kFloat64) * scale;
}

GruWeights random_weights(int64_t inputs, int64_t hidden) {
  const double scale = 1 / std::sqrt(static_cast<double>(hidden));
  return {random({3 * hidden, inputs}, scale), random({3 * hidden, hidden}, scale), random({3 * hidden}, 0.3),
          random({3 * hidden}, 0.3)};
}

// The delta GRU of the rule, op by op, so that autograd finds the gradients by itself.
struct PlainRun {
  torch::Tensor outputs, l1_x, l1_h;
};
torch::Tensor plain_hold(const torch::Tensor& value, torch::Tensor& held, double theta, torch::Tensor& l1,
                         const torch::Tensor& mask) {
  const torch::Tensor change = value - held;
  const torch::Tensor fires = change.detach().abs().ge(theta);
  l1 = l1 + (change.masked_fill(~fires, 0).abs() * mask.unsqueeze(1)).sum();
  return held = torch::where(fires, value, held);
}
PlainRun plain_run(const torch::Tensor& x, const GruWeights& w, const DeltaGruRule& rule,
                   const torch::Tensor& lengths) {
  const int64_t hidden = w.recurrent.size(1);
  const torch::Tensor mask = frame_mask(x.size(0), x.size(1), lengths, x);
  torch::Tensor h = torch::zeros({x.size(1), hidden}, x.options()), held_h = h;
  torch::Tensor held_x = torch::zeros({x.size(1), x.size(2)}, x.options());
  PlainRun run{{}, torch::zeros({}, x.options()), torch::zeros({}, x.options())};
  std::vector<torch::Tensor> outputs;
  for (int64_t t = 0; t < x.size(0); ++t) {
    const auto from_x =
        torch::addmm(w.input_bias, plain_hold(x[t], held_x, rule.theta_x, run.l1_x, mask[t]), w.input.t())
            .chunk(3, 1);
    const auto from_h = torch::addmm(w.recurrent_bias, plain_hold(h, held_h, rule.theta_h, run.l1_h, mask[t]),
                                     w.recurrent.t())
                            .chunk(3, 1);
    const torch::Tensor z = torch::sigmoid(from_x[0] + from_h[0]), r = torch::sigmoid(from_x[1] + from_h[1]);
    const torch::Tensor n = torch::tanh(from_x[2] + r * from_h[2]);
    h = (1 - z) * n + z * h;
    outputs.push_back(h);
  }
  run.outputs = torch::stack(outputs);
  return run;
}

const torch::Tensor& by_name(const torch::nn::GRU& gru, const std::string& name) {
  return gru->named_parameters()[name];
}

// torch stacks r, z, n; ONNX z, r, n.
torch::Tensor reordered(const torch::Tensor& rows) {
  const auto parts = rows.chunk(3, 0);
  return torch::cat({parts[1], parts[0], parts[2]});
}

TEST(DeltaGru, WithoutThresholdsItIsTorchsGruInOutputsAndGradients) {
  torch::manual_seed(5);
  torch::nn::GRU gru(torch::nn::GRUOptions(7, 11));
  gru->to(torch::kFloat64);
  const torch::Tensor x = random({30, 4, 7});
  const torch::Tensor upper = random({30, 4, 11});
  (std::get<0>(gru->forward(x)) * upper).sum().backward();
  GruWeights weights{reordered(by_name(gru, "weight_ih_l0")), reordered(by_name(gru, "weight_hh_l0")),
                     reordered(by_name(gru, "bias_ih_l0")), reordered(by_name(gru, "bias_hh_l0"))};
  for (torch::Tensor* each :
       {&weights.input, &weights.recurrent, &weights.input_bias, &weights.recurrent_bias})
    *each = each->detach().requires_grad_(true);
  const DeltaGruRun run = delta_gru(x, weights, {});
  EXPECT_LT(largest_difference(run.outputs, std::get<0>(gru->forward(x))), 1e-12);
  (run.outputs * upper).sum().backward();
  EXPECT_LT(largest_difference(weights.input.grad(), reordered(by_name(gru, "weight_ih_l0").grad())), 1e-12);
  EXPECT_LT(largest_difference(weights.recurrent.grad(), reordered(by_name(gru, "weight_hh_l0").grad())),
            1e-12);
  EXPECT_LT(largest_difference(weights.input_bias.grad(), reordered(by_name(gru, "bias_ih_l0").grad())),
            1e-12);
  EXPECT_LT(largest_difference(weights.recurrent_bias.grad(), reordered(by_name(gru, "bias_hh_l0").grad())),
            1e-12);
}

TEST(DeltaGru, ItsBackwardPassIsPlainAutogradThroughMasksAndWhere) {
  torch::manual_seed(6);
  const torch::Tensor lengths = torch::tensor({12, 20, 7}, torch::kInt64);
  const torch::Tensor upper = random({20, 3, 5});
  const DeltaGruRule rule{.theta_x = 0.4, .theta_h = 0.15};
  GruWeights weights = random_weights(6, 5);
  torch::Tensor x = random({20, 3, 6}, 0.5);
  const auto gradients = [&](auto&& forward) {
    std::vector<torch::Tensor> leaves;
    for (const torch::Tensor& each :
         {x, weights.input, weights.recurrent, weights.input_bias, weights.recurrent_bias})
      leaves.push_back(each.detach().clone().requires_grad_(true));
    const auto run = forward(leaves[0], GruWeights{leaves[1], leaves[2], leaves[3], leaves[4]});
    ((run.outputs * upper).sum() + 0.7 * run.l1_x + 0.3 * run.l1_h).backward();
    std::vector<torch::Tensor> result;
    for (const torch::Tensor& each : leaves) result.push_back(each.grad());
    return result;
  };
  const auto ours = gradients([&](const auto& in, const auto& w) { return delta_gru(in, w, rule, lengths); });
  const auto plain =
      gradients([&](const auto& in, const auto& w) { return plain_run(in, w, rule, lengths); });
  for (size_t k = 0; k < ours.size(); ++k) EXPECT_LT(largest_difference(ours[k], plain[k]), 1e-12) << k;
  const DeltaGruRun run = delta_gru(x, weights, rule, lengths);
  const PlainRun reference = plain_run(x, weights, rule, lengths);
  EXPECT_LT(largest_difference(run.outputs, reference.outputs), 1e-13);
  EXPECT_NEAR(run.l1_x.item<double>(), reference.l1_x.item<double>(), 1e-10);
  EXPECT_NEAR(run.l1_h.item<double>(), reference.l1_h.item<double>(), 1e-10);
}

TEST(DeltaGru, ItsGradientsAreItsDifferencesWhereNoDecisionToSendTurns) {
  torch::manual_seed(7);
  const DeltaGruRule rule{.theta_x = 0.3, .theta_h = 0.1};
  const torch::Tensor upper = random({9, 2, 4});
  const auto cost = [&](const std::vector<torch::Tensor>& a) {
    const DeltaGruRun run = delta_gru(a[0], {a[1], a[2], a[3], a[4]}, rule);
    return (run.outputs * upper).sum() + 0.5 * run.l1_h + 0.25 * run.l1_x;
  };
  const GruWeights w = random_weights(3, 4);
  EXPECT_LT(gradient_error(cost, {random({9, 2, 3}), w.input, w.recurrent, w.input_bias, w.recurrent_bias}),
            1e-6);
}

TEST(DeltaGru, DeltaCellGivesTheSameOutputsAndCountsOfSentColumns) {
  torch::manual_seed(8);
  const int64_t inputs = 10, hidden = 16, steps = 60, batch = 3;
  GruWeights w = random_weights(inputs, hidden);
  for (torch::Tensor* each : {&w.input, &w.recurrent, &w.input_bias, &w.recurrent_bias})
    *each = each->to(torch::kFloat32).to(torch::kFloat64);  // a cell's weights are floats
  RecurrentCell cell;
  cell.kind = CellKind::gru;
  cell.linear_before_reset = true;
  cell.activations = default_activations(CellKind::gru);
  cell.inputs = inputs;
  cell.hidden = hidden;
  const auto floats = [](const torch::Tensor& tensor) {
    const torch::Tensor flat = tensor.to(torch::kFloat32).contiguous();
    return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  };
  cell.input_weights = floats(w.input);
  cell.recurrent_weights = floats(w.recurrent);
  cell.input_bias = floats(w.input_bias);
  cell.recurrent_bias = floats(w.recurrent_bias);
  // A slow signal, of which a part is sent only; the last sequence is shorter.
  const torch::Tensor x = random({steps, batch, inputs}, 0.2).cumsum(0);
  const torch::Tensor lengths = torch::tensor({60, 60, 41}, torch::kInt64);
  const DeltaGruRun run = delta_gru(x, w, {.theta_x = 0.5, .theta_h = 0.12}, lengths);
  int64_t sent_x = 0, sent_h = 0;
  for (int64_t b = 0; b < batch; ++b) {
    DeltaCell<double> reference(cell, {.input = 0.5, .hidden = 0.12});
    for (int64_t t = 0; t < lengths[b].item<int64_t>(); ++t) {
      const torch::Tensor frame = x.select(0, t)[b].contiguous();
      reference.step({frame.data_ptr<double>(), static_cast<size_t>(inputs)});
      for (int64_t j = 0; j < hidden; ++j)
        ASSERT_NEAR(run.outputs[t][b][j].item<double>(), reference.hidden()[static_cast<size_t>(j)], 1e-12);
    }
    sent_x += reference.counts().sent_x;
    sent_h += reference.counts().sent_h;
  }
  EXPECT_EQ(run.sent_x.item<int64_t>(), sent_x);
  EXPECT_EQ(run.sent_h.item<int64_t>(), sent_h);
  EXPECT_GT(sent_h, 0);
  EXPECT_LT(sent_h, 161 * hidden / 2);
}

TEST(DeltaGru, ARoundedStateIsACodeAndItsGradientPasses) {
  torch::manual_seed(9);
  const GruWeights w = random_weights(3, 4);
  torch::Tensor x = random({8, 2, 3}).requires_grad_(true);
  const DeltaGruRun run = delta_gru(x, w, {.hidden_fraction_bits = 4});
  EXPECT_TRUE(torch::equal(run.outputs * 16, (run.outputs * 16).round()));
  run.outputs.sum().backward();
  EXPECT_GT(x.grad().abs().max().item<double>(), 0);
}

TEST(DeltaGru, NoiseIsAddedToTheStateAndRepeatsWithTheSeed) {
  const GruWeights w = random_weights(3, 4);
  const torch::Tensor x = random({8, 2, 3});
  const auto noisy = [&] {
    torch::manual_seed(10);
    return delta_gru(x, w, {.noise = 0.1}).outputs;
  };
  EXPECT_TRUE(torch::equal(noisy(), noisy()));
  EXPECT_GT(largest_difference(noisy(), delta_gru(x, w, {}).outputs), 0.01);
}

TEST(DeltaGru, FramesBehindTheEndAreNotCounted) {
  torch::manual_seed(11);
  const torch::Tensor x = random({10, 1, 3});
  const HeldSequence whole = hold_sequence(x.narrow(0, 0, 4), 0.5);
  const HeldSequence cut = hold_sequence(x, 0.5, torch::tensor({4}, torch::kInt64));
  EXPECT_EQ(whole.sent.item<int64_t>(), cut.sent.item<int64_t>());
  EXPECT_EQ(whole.l1.item<double>(), cut.l1.item<double>());
}

TEST(DeltaHold, AHandWorkedSignalIsHeldCountedAndLedBack) {
  torch::Tensor x =
      torch::tensor({0.0, 0.5, 0.9, 1.6, 1.2}, torch::kFloat64).view({5, 1, 1}).requires_grad_(true);
  const HeldSequence held = hold_sequence(x, 0.5);
  // Sent: 0.5 (|d| = theta), 1.6; 0.9 and 1.2 are too near to what was sent.
  EXPECT_TRUE(torch::equal(held.values.flatten(), torch::tensor({0.0, 0.5, 0.5, 1.6, 1.6}, torch::kFloat64)));
  EXPECT_EQ(held.sent.item<int64_t>(), 2);
  EXPECT_NEAR(held.l1.item<double>(), 1.6, 1e-15);
  const torch::Tensor upper = torch::tensor({1.0, 2.0, 4.0, 8.0, 16.0}, torch::kFloat64).view({5, 1, 1});
  ((held.values * upper).sum() + 100 * held.l1).backward();
  // 0.5 gets 2 + 4 and from the cost +100 - 100; 1.6 gets 8 + 16 + 100; the first sample is never sent.
  EXPECT_TRUE(torch::equal(x.grad().flatten(), torch::tensor({0.0, 6.0, 0.0, 124.0, 0.0}, torch::kFloat64)));
}

TEST(DeltaGru, LastOutputsAreThoseOfEachSequencesOwnEnd) {
  const torch::Tensor outputs = torch::arange(12, torch::kFloat64).view({3, 2, 2});
  EXPECT_TRUE(torch::equal(last_outputs(outputs, torch::tensor({1, 3}, torch::kInt64)),
                           torch::tensor({{0.0, 1.0}, {10.0, 11.0}}, torch::kFloat64)));
}

}  // namespace
}  // namespace deltahop
