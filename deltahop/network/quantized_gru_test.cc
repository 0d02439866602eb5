// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/quantized_gru.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/network/delta_cell.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

RecurrentCell random_cell(int64_t inputs, int64_t hidden, uint64_t seed) {
  Random random(seed);
  RecurrentCell cell;
  cell.kind = CellKind::gru;
  cell.linear_before_reset = true;
  cell.inputs = inputs;
  cell.hidden = hidden;
  cell.activations = default_activations(CellKind::gru);
  const auto fill = [&](std::vector<float>& values, int64_t count) {
    values.resize(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(random.uniform(-0.5, 0.5));
  };
  fill(cell.input_weights, 3 * hidden * inputs);
  fill(cell.recurrent_weights, 3 * hidden * hidden);
  fill(cell.input_bias, 3 * hidden);
  fill(cell.recurrent_bias, 3 * hidden);
  return cell;
}

// The float cell is another program by another author; 16 fraction bits leave only rounding between them.
TEST(QuantizedGru, WithFineFormatsItFollowsTheDeltaCellInDoubles) {
  const RecurrentCell cell = random_cell(4, 6, 1);
  const DeltaGruFormats fine{
      .activation = {16, 13}, .weight = {16, 15}, .accumulator_bits = 48, .gate_fraction_bits = 13};
  const QuantizedGru quantized = quantized_gru(cell, fine, {});
  EXPECT_EQ(quantized.clipped, 0);
  IntegerDeltaGru integer(quantized.layer);
  DeltaCell<double> real(cell, {});
  Random random(2);
  for (int t = 0; t < 30; ++t) {
    std::vector<int16_t> codes(4);
    std::vector<double> values(4);
    for (size_t i = 0; i < 4; ++i) {
      codes[i] = static_cast<int16_t>(random.integer(-8192, 8192));
      values[i] = codes[i] / 8192.0;
    }
    integer.step(codes);
    real.step(values);
    for (size_t unit = 0; unit < 6; ++unit)
      EXPECT_NEAR(integer.hidden()[unit] / 8192.0, real.hidden()[unit], 2e-3) << "step " << t;
  }
}

TEST(QuantizedGru, AllHiddenBiasesAreFoldedWhereTheyBelong) {
  RecurrentCell cell = random_cell(1, 1, 3);
  cell.input_bias = {0.25f, 0.125f, 0.5f};  // z r h
  cell.recurrent_bias = {0.25f, 0.0625f, 0.75f};
  const QuantizedGru quantized = quantized_gru(cell, {}, {});
  EXPECT_EQ(quantized.layer->bias, (std::vector<int16_t>{24, 64, 64})) << "r, u with both, c with its own";
  EXPECT_EQ(quantized.layer->candidate_recurrent_bias, std::vector<int16_t>{96});
  EXPECT_DOUBLE_EQ(quantized.largest_candidate_bias, 0.75);
}

TEST(QuantizedGru, WeightsBeyondTheFormatAreClippedSymmetricallyAndCounted) {
  RecurrentCell cell = random_cell(1, 1, 4);
  cell.input_weights = {-1.5f, 1.0f, 0.5f};
  const QuantizedGru quantized = quantized_gru(cell, {}, {});
  EXPECT_EQ(quantized.layer->input_columns, (std::vector<int16_t>{127, -127, 64}));
  EXPECT_EQ(quantized.clipped, 2);
  EXPECT_DOUBLE_EQ(quantized.largest_weight, 1.5);
}

TEST(QuantizedGru, AThresholdBecomesTheSmallestDifferenceThatTheRuleSends) {
  const FixedFormat format{16, 8};
  EXPECT_EQ(threshold_code(0, format), 0);
  EXPECT_EQ(threshold_code(0.125, format), 32);
  EXPECT_EQ(threshold_code(0.1, format), 26) << "25/256 is below 0.1";
  EXPECT_THAT([&] { threshold_code(-1, format); }, ThrowsMessage<Error>(HasSubstr("negative")));
  EXPECT_THAT([&] { threshold_code(200, format); }, ThrowsMessage<Error>(HasSubstr("beyond Q8.8")));
}

TEST(QuantizedGru, FormatsTravelAsTextAndComeBackTheSame) {
  const DeltaGruFormats formats{{12, 6}, {4, 3}, 32, 5};
  EXPECT_EQ(text_of(formats), "activation Q6.6 weight Q1.3 accumulator 32 gates 5");
  EXPECT_EQ(parse_gru_formats(text_of(formats), "x"), formats);
  for (const char* bad : {"", "activation Q8.8", "activation Q8.8 weight Q1.7 accumulator many gates 4",
                          "activation UQ8.8 weight Q1.7 accumulator 24 gates 4",
                          "activation Q8.8 weight Q1.7 accumulator 99 gates 4"})
    EXPECT_THAT([&] { parse_gru_formats(bad, "net.onnx"); }, ThrowsMessage<Error>(HasSubstr("net.onnx: ")))
        << bad;
}

TEST(QuantizedGru, WhatTheIntegerCellDoesNotDoIsRefusedByName) {
  const auto refusal = [](const std::function<void(RecurrentCell&)>& change, const std::string& word) {
    RecurrentCell cell = random_cell(2, 2, 5);
    change(cell);
    EXPECT_THAT([&] { quantized_gru(cell, {}, {}); }, ThrowsMessage<Error>(HasSubstr(word)));
  };
  refusal([](RecurrentCell& cell) { cell.linear_before_reset = false; }, "linear_before_reset = 0");
  refusal([](RecurrentCell& cell) { cell.kind = CellKind::lstm; }, "LSTM");
  refusal([](RecurrentCell& cell) { cell.clip = 3; }, "clips");
  refusal([](RecurrentCell& cell) { cell.reverse = true; }, "backwards");
  refusal([](RecurrentCell& cell) { cell.activations[1].kind = Activation::relu; }, "activations");
  refusal([](RecurrentCell& cell) { cell.input_weights[0] = NAN; }, "not a number");
}

}  // namespace
}  // namespace deltahop
