// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exact_gru.h"

#include <gtest/gtest.h>

#include "deltahop/network/quantized_gru.h"

namespace deltahop {
namespace {

struct Case {
  GruWeights weights;
  RecurrentCell cell;
};

// The same weights as a cell's floats and as doubles; some lie beyond Q1.7 and are clipped.
Case random_case(int64_t inputs, int64_t hidden, double scale) {
  const auto random = [](std::vector<int64_t> shape, double by) { return torch::randn(shape) * by; };
  const torch::Tensor w = random({3 * hidden, inputs}, scale), r = random({3 * hidden, hidden}, scale),
                      wb = random({3 * hidden}, 0.4), rb = random({3 * hidden}, 0.4);
  const auto floats = [](const torch::Tensor& tensor) {
    return std::vector<float>(tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel());
  };
  Case made;
  made.weights = {w.to(torch::kFloat64), r.to(torch::kFloat64), wb.to(torch::kFloat64),
                  rb.to(torch::kFloat64)};
  made.cell.linear_before_reset = true;
  made.cell.activations = default_activations(CellKind::gru);
  made.cell.inputs = inputs;
  made.cell.hidden = hidden;
  made.cell.input_weights = floats(w);
  made.cell.recurrent_weights = floats(r);
  made.cell.input_bias = floats(wb);
  made.cell.recurrent_bias = floats(rb);
  return made;
}

// Outputs and counts of the integer GRU, sequence by sequence, each to its own end.
void expect_equal(const Case& each, const torch::Tensor& x, const torch::Tensor& lengths,
                  const DeltaGruFormats& formats, DeltaThresholds theta) {
  const ExactGruRun run =
      exact_gru(x.to(torch::kFloat64), each.weights, formats, theta.input, theta.hidden, lengths);
  const QuantizedGru integer = quantized_gru(each.cell, formats, theta);
  int64_t sent_x = 0, sent_h = 0, steps = 0;
  for (int64_t b = 0; b < x.size(1); ++b) {
    IntegerDeltaGru gru(integer.layer);
    const int64_t length = lengths[b].item<int64_t>();
    for (int64_t t = 0; t < length; ++t) {
      std::vector<int16_t> frame;
      for (int64_t k = 0; k < x.size(2); ++k)
        frame.push_back(static_cast<int16_t>(
            quantized(x[t][b][k].item<double>(), formats.activation, Rounding::half_even)));
      gru.step(frame);
      sent_x += std::ssize(gru.sent_x());
      sent_h += std::ssize(gru.sent_h());
      for (int64_t j = 0; j < each.cell.hidden; ++j)
        ASSERT_EQ(run.outputs[t][b][j].item<double>(),
                  formats.activation.step() * gru.hidden()[static_cast<size_t>(j)])
            << "sequence " << b << " step " << t << " unit " << j;
    }
    steps += length;
  }
  EXPECT_EQ(run.sent_x, sent_x);
  EXPECT_EQ(run.sent_h, sent_h);
  EXPECT_EQ(run.steps, steps);
}

TEST(ExactGru, ItsCodesAndCountsAreThoseOfTheIntegerGru) {
  torch::manual_seed(21);
  const Case each = random_case(9, 14, 0.3);
  const torch::Tensor x = (torch::randn({25, 3, 9}) * 0.2).cumsum(0);
  expect_equal(each, x, torch::tensor({25, 25, 11}, torch::kInt64), {}, {.input = 0.1, .hidden = 0.07});
}

TEST(ExactGru, WithoutThresholdsAndInOtherFormatsToo) {
  torch::manual_seed(22);
  const Case each = random_case(5, 6, 0.5);
  const torch::Tensor x = torch::randn({20, 2, 5});
  const torch::Tensor lengths = torch::tensor({20, 20}, torch::kInt64);
  expect_equal(each, x, lengths, {}, {});
  expect_equal(each, x, lengths, {{12, 6}, {4, 3}, 32, 5}, {.input = 0.25, .hidden = 0.05});
}

TEST(ExactGru, SumsThatWrapAndChangesThatAreClampedAreTheSame) {
  torch::manual_seed(23);
  const Case each = random_case(12, 4, 3.0);                // clipped weights, large sums
  const torch::Tensor x = torch::randn({12, 2, 12}) * 200;  // beyond Q8.8 both ways
  expect_equal(each, x, torch::tensor({12, 9}, torch::kInt64), {}, {.input = 0.5, .hidden = 0.1});
}

}  // namespace
}  // namespace deltahop
