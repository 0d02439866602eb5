// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_delta_gru.h"

#include <cmath>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/network/edge_drnn_vectors_testing.h"

namespace deltahop {
namespace {

std::shared_ptr<IntegerDeltaGruLayer> random_layer(int64_t inputs, int64_t hidden, uint64_t seed,
                                                   int64_t largest = 127) {
  Random random(seed);
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->inputs = inputs;
  layer->hidden = hidden;
  const auto fill = [&](std::vector<int16_t>& values, int64_t count) {
    values.resize(static_cast<size_t>(count));
    for (int16_t& value : values) value = static_cast<int16_t>(random.integer(-largest, largest));
  };
  fill(layer->bias, 3 * hidden);
  fill(layer->input_columns, 3 * hidden * inputs);
  fill(layer->recurrent_columns, 3 * hidden * hidden);
  fill(layer->candidate_recurrent_bias, hidden);
  return layer;
}

// A sequence that moves slowly, so that thresholds matter.
Tensor walk(int64_t steps, int64_t inputs, uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::int16, {steps, inputs});
  const auto codes = tensor.values<int16_t>();
  for (size_t k = 0; k < codes.size(); ++k) {
    const auto width = static_cast<size_t>(inputs);
    codes[k] = static_cast<int16_t>((k < width ? 0 : codes[k - width]) + random.integer(-20, 20));
  }
  return tensor;
}

class HardwareVectors : public testing::Test {
 protected:
  void SetUp() override {
    vectors_ = edge_drnn_vectors();
    if (!vectors_) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  }
  std::optional<EdgeDrnnVectors> vectors_;
};

TEST_F(HardwareVectors, All16000GoldenOutputsAreMetBitForBit) {
  const std::vector<RecurrentTrace> traces = vectors_->run(0, 0);
  const auto ours = traces[1].outputs.values<int16_t>();
  ASSERT_EQ(ours.size(), 16000u);
  ASSERT_EQ(vectors_->golden.size(), 16000u);
  int mismatches = 0;
  for (size_t k = 0; k < ours.size(); ++k) mismatches += ours[k] == vectors_->golden[k] ? 0 : 1;
  EXPECT_EQ(mismatches, 0);
  EXPECT_EQ(std::accumulate(ours.begin(), ours.end(), int64_t{0}), 131909);
  EXPECT_EQ(std::max(traces[0].largest_memory, traces[1].largest_memory), 437589);
  EXPECT_EQ(traces[0].wraps + traces[1].wraps, 0);
}

// The tables of the test bench: "-2048 : lut_out[i] = 0;", and below and above them the last entry.
TEST_F(HardwareVectors, BothActivationTablesFollowFromTheirFormulas) {
  const ActivationTables tables{DeltaGruFormats{}};
  for (const bool is_sigmoid : {true, false}) {
    std::istringstream lines(read_file(vectors_->folder / (is_sigmoid ? "sigmoid_lut.txt" : "tanh_lut.txt")));
    int entries = 0, mismatches = 0;
    for (std::string line; std::getline(lines, line); ++entries) {
      int code = 0, value = 0;
      ASSERT_EQ(std::sscanf(line.c_str(), "%d : lut_out[i] = %d", &code, &value), 2) << line;
      const auto word = static_cast<int16_t>(code);
      mismatches += (is_sigmoid ? tables.sigmoid(word) : tables.tanh(word)) == value ? 0 : 1;
    }
    EXPECT_EQ(entries, is_sigmoid ? 4096 : 2048);
    EXPECT_EQ(mismatches, 0);
  }
}

struct ThresholdRow {
  int32_t theta_x, theta_h;
  int64_t columns, bytes, output_sum;
};
class ThresholdRows : public HardwareVectors, public testing::WithParamInterface<ThresholdRow> {};

// Recomputed once from the authors' vectors with a second program.
TEST_P(ThresholdRows, GiveExactlyTheseColumnsBytesAndSums) {
  const ThresholdRow& row = GetParam();
  const std::vector<RecurrentTrace> traces = vectors_->run(row.theta_x, row.theta_h);
  const auto outputs = traces[1].outputs.values<int16_t>();
  EXPECT_EQ(traces[0].columns() + traces[1].columns(), row.columns);
  EXPECT_EQ((traces[0].columns() + traces[1].columns()) * traces[0].layer->rows(), row.bytes)
      << "a byte a weight";
  EXPECT_EQ(std::accumulate(outputs.begin(), outputs.end(), int64_t{0}), row.output_sum);
}
INSTANTIATE_TEST_SUITE_P(
    Table, ThresholdRows,
    testing::Values(ThresholdRow{0, 0, 21498, 1031904, 131909}, ThresholdRow{1, 1, 21498, 1031904, 131909},
                    ThresholdRow{2, 2, 16923, 812304, 137120}, ThresholdRow{8, 8, 11889, 570672, 147910},
                    ThresholdRow{32, 32, 3239, 155472, 388714}, ThresholdRow{128, 128, 458, 21984, 219160},
                    ThresholdRow{0, 16, 13119, 629712, 131513}, ThresholdRow{16, 0, 14693, 705264, 189693}));

// The same numbers written once more, as a plain GRU over whole sums.
std::vector<int16_t> plain_gru(const IntegerDeltaGruLayer& layer, const Tensor& inputs) {
  const ActivationTables tables(layer.formats);
  const auto x = inputs.values<int16_t>();
  const int64_t units = layer.hidden;
  std::vector<int16_t> h(static_cast<size_t>(units)), all;
  for (int64_t t = 0; t < inputs.shape()[0]; ++t) {
    std::vector<int16_t> next(h.size());
    for (int64_t unit = 0; unit < units; ++unit) {
      int64_t sums[3], from_h = 0;
      for (int64_t gate = 0; gate < 3; ++gate) {
        const int64_t row = gate * units + unit;
        sums[gate] = 256 * int64_t{layer.bias[static_cast<size_t>(row)]};
        for (int64_t i = 0; i < layer.inputs; ++i)
          sums[gate] += int64_t{layer.input_column(i)[static_cast<size_t>(row)]} *
                        x[static_cast<size_t>(t * layer.inputs + i)];
        int64_t recurrent = 0;
        for (int64_t j = 0; j < units; ++j)
          recurrent +=
              int64_t{layer.recurrent_column(j)[static_cast<size_t>(row)]} * h[static_cast<size_t>(j)];
        if (gate == 2) {
          from_h = recurrent + 256 * int64_t{layer.candidate_recurrent_bias[static_cast<size_t>(unit)]};
        } else {
          sums[gate] += recurrent;
        }
      }
      next[static_cast<size_t>(unit)] =
          activated({sums[0], sums[1], sums[2], from_h, h[static_cast<size_t>(unit)]}, layer.formats, tables);
    }
    h = next;
    all.insert(all.end(), h.begin(), h.end());
  }
  return all;
}

TEST(IntegerDeltaGru, EqualsThePlainGruExactlyAtThresholdZero) {
  const auto layer = random_layer(5, 12, 3, 40);
  const RecurrentTrace trace = run_sequence(layer, walk(60, 5, 4));
  const auto outputs = trace.outputs.values<int16_t>();
  EXPECT_EQ(std::vector<int16_t>(outputs.begin(), outputs.end()), plain_gru(*layer, trace.inputs));
}

TEST(IntegerDeltaGru, WhatIsSentFollowsFromInputsAndOutputsAlone) {
  auto layer = random_layer(5, 12, 3, 40);
  layer->theta_x = 9;
  layer->theta_h = 20;
  const RecurrentTrace trace = run_sequence(layer, walk(60, 5, 4));
  RecurrentTrace again = trace;
  count_sent(again);
  EXPECT_EQ(again.sent_x, trace.sent_x);
  EXPECT_EQ(again.sent_h, trace.sent_h);
}

TEST(IntegerDeltaGru, AFloatGruIsMetWithinTheTablesSteps) {
  const auto layer = random_layer(3, 8, 9, 20);
  const RecurrentTrace trace = run_sequence(layer, walk(1, 3, 10));
  for (int64_t unit = 0; unit < 8; ++unit) {
    const auto sum = [&](int64_t gate) {
      double total = layer->bias[static_cast<size_t>(gate * 8 + unit)] / 128.0;
      for (int64_t i = 0; i < 3; ++i)
        total += layer->input_column(i)[static_cast<size_t>(gate * 8 + unit)] / 128.0 *
                 trace.inputs.values<int16_t>()[static_cast<size_t>(i)] / 256.0;
      return total;
    };
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    const double from_h = layer->candidate_recurrent_bias[static_cast<size_t>(unit)] / 128.0;
    const double expected = (1 - sigmoid(sum(1))) * std::tanh(sum(2) + sigmoid(sum(0)) * from_h);
    EXPECT_NEAR(trace.outputs.values<int16_t>()[static_cast<size_t>(unit)] / 256.0, expected, 0.08);
  }
}

TEST(IntegerDeltaGru, ADeltaIsSentFromTheThresholdOnAndNeverWhereNothingChanged) {
  const FixedFormat format{16, 8};
  int16_t reference = 10;
  EXPECT_EQ(sent_delta(10, reference, 0, format), 0);
  EXPECT_EQ(sent_delta(14, reference, 5, format), 0);
  EXPECT_EQ(reference, 10) << "the reference is the last value sent";
  EXPECT_EQ(sent_delta(15, reference, 5, format), 5);
  EXPECT_EQ(reference, 15);
  EXPECT_EQ(sent_delta(10, reference, 5, format), -5);
  EXPECT_EQ(reference, 10);
}

TEST(IntegerDeltaGru, ADifferenceBeyondAWordIsSentInTwoSteps) {
  const FixedFormat format{16, 8};
  int16_t reference = -32768;
  EXPECT_EQ(sent_delta(32767, reference, 0, format), 32767);
  EXPECT_EQ(reference, -1);
  EXPECT_EQ(sent_delta(32767, reference, 0, format), 32767);
  EXPECT_EQ(reference, 32766);
  EXPECT_EQ(sent_delta(32767, reference, 0, format), 1);
  EXPECT_EQ(reference, 32767);
}

TEST(IntegerDeltaGru, MemoriesBeyondTheRegisterWrapAndAreCounted) {
  auto layer = random_layer(8, 4, 5);
  for (int16_t& weight : layer->input_columns) weight = 127;
  Tensor inputs(DataType::int16, {1, 8});
  for (int16_t& code : inputs.values<int16_t>()) code = 32767;
  const RecurrentTrace narrow = run_sequence(layer, inputs);
  EXPECT_EQ(narrow.wraps, 3 * 4) << "three memories take the inputs, all of them far beyond 2^23";
  EXPECT_GT(narrow.largest_memory, int64_t{1} << 23);
  layer->formats.accumulator_bits = 32;
  EXPECT_EQ(run_sequence(layer, inputs).outputs, narrow.outputs)
      << "what is cut from the register is also cut from the gates' input";
}

TEST(IntegerDeltaGru, TheRegisterShowsTwosComplement) {
  EXPECT_EQ(wrapped(8388607, 24), 8388607);
  EXPECT_EQ(wrapped(8388608, 24), -8388608);
  EXPECT_EQ(wrapped(-8388609, 24), 8388607);
}

TEST(IntegerDeltaGru, OtherFormatsOfTheSameCodeGiveAFinerResult) {
  auto layer = random_layer(4, 8, 6, 60);
  const Tensor inputs = walk(40, 4, 7);
  const RecurrentTrace coarse = run_sequence(layer, inputs);
  layer->formats.gate_fraction_bits = 8;
  const RecurrentTrace fine = run_sequence(layer, inputs);
  EXPECT_NE(coarse.outputs, fine.outputs);
  for (size_t k = 0; k < 8; ++k)
    EXPECT_NEAR(coarse.outputs.values<int16_t>()[k], fine.outputs.values<int16_t>()[k], 24) << "first step";
}

}  // namespace
}  // namespace deltahop
