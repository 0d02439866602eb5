// SPDX-License-Identifier: Apache-2.0
// The delta cell against the log that EdgeDRNN's authors kept of their own network [Gao2020]: 1000 steps of
// two layers, every change that was sent and every memory, which double holds without rounding.
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "deltahop/io/safetensors.h"
#include "deltahop/network/delta_cell.h"

namespace deltahop {
namespace {

constexpr int64_t kHidden = 16, kSteps = 1000;

class EdgeDrnnLog : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const char* const data = std::getenv("DELTAHOP_DATA");
    if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    log_ = read_safetensors(std::string(data) + "/edgedrnn/edgedrnn_log.safetensors");
  }
  // [rows, columns] of this layer, as the log calls it.
  float at(const std::string& name, int64_t row, int64_t column) const {
    const Tensor& tensor = log_.at("l" + std::to_string(GetParam()) + "_" + name);
    return tensor.values<float>()[static_cast<size_t>(row * tensor.dim(1) + column)];
  }
  std::vector<double> column(const std::string& name, int64_t rows, int64_t step) const {
    std::vector<double> values;
    for (int64_t row = 0; row < rows; ++row) values.push_back(static_cast<double>(at(name, row, step)));
    return values;
  }
  // The log stacks the gates reset, update, candidate; ONNX update, reset, candidate.
  RecurrentCell cell() const {
    constexpr int64_t kPlaces[] = {1, 0, 2};
    RecurrentCell cell;
    cell.kind = CellKind::gru;
    cell.linear_before_reset = true;
    cell.activations = default_activations(CellKind::gru);
    cell.inputs = GetParam() == 0 ? 5 : kHidden;
    cell.hidden = kHidden;
    for (const int64_t place : kPlaces) {
      for (int64_t unit = place * kHidden; unit < (place + 1) * kHidden; ++unit) {
        for (int64_t i = 0; i < cell.inputs; ++i) cell.input_weights.push_back(at("weight_ih", i, unit));
        for (int64_t i = 0; i < kHidden; ++i) cell.recurrent_weights.push_back(at("weight_hh", i, unit));
        cell.input_bias.push_back(at("bias_ih", 0, unit));
        cell.recurrent_bias.push_back(at("bias_hh", 0, unit));
      }
    }
    return cell;
  }
  std::map<std::string, Tensor> log_;
};

std::vector<double> dense_changes(const DeltaStream<double>& stream) {
  std::vector<double> changes(stream.sent().size(), 0.0);
  for (size_t k = 0; k < stream.indices().size(); ++k) changes[stream.indices()[k]] = stream.changes()[k];
  return changes;
}

TEST_P(EdgeDrnnLog, HoldsTheSameChangesAndTheSameMemories) {
  const RecurrentCell weights = cell();
  DeltaCell<double> delta(weights, {});
  for (int64_t step = 0; step < kSteps; ++step) {
    delta.set_hidden(column("pa_h_t-1", kHidden, step));  // theirs is rounded
    delta.step(column("pa_x", weights.inputs, step));
    ASSERT_EQ(dense_changes(delta.input_stream()), column("pa_delta_x", weights.inputs, step)) << step;
    ASSERT_EQ(dense_changes(delta.hidden_stream()), column("pa_delta_h", kHidden, step)) << step;
    const char* const blocks[] = {"pacc_m_u", "pacc_m_r", "pacc_m_cx", "pacc_m_ch"};
    for (size_t block = 0; block < 4; ++block) {
      const auto found = delta.memory().subspan(block * kHidden, kHidden);
      ASSERT_EQ(std::vector<double>(found.begin(), found.end()), column(blocks[block], kHidden, step))
          << blocks[block] << " of step " << step;
    }
  }
}

// Their gates are rounded to 1/16, so that a unit may differ by u, c and h times half of that, and one
// rounding.
TEST_P(EdgeDrnnLog, GivesTheSameStateButForTheirRounding) {
  const RecurrentCell weights = cell();
  DeltaCell<double> delta(weights, {});
  double largest = 0, sum = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    delta.set_hidden(column("pa_h_t-1", kHidden, step));
    delta.step(column("pa_x", weights.inputs, step));
    const std::vector<double> wanted = column("pa_h", kHidden, step);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double difference = std::abs(delta.hidden()[i] - wanted[i]);
      largest = std::max(largest, difference);
      sum += difference;
    }
  }
  EXPECT_LT(largest, 0.13);
  EXPECT_LT(sum / (kSteps * kHidden), 0.03);
  EXPECT_GT(sum, 0);
}

INSTANTIATE_TEST_SUITE_P(Layers, EdgeDrnnLog, ::testing::Values(0, 1));

}  // namespace
}  // namespace deltahop
