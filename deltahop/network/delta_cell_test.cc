// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/delta_cell.h"

#include <gtest/gtest.h>

#include <cmath>

#include "deltahop/network/recurrent_testing.h"

namespace deltahop {
namespace {

// One input, one unit, all weights and biases by hand.
RecurrentCell small_cell(CellKind kind, bool linear_before_reset = false) {
  RecurrentCell cell;
  cell.kind = kind;
  cell.linear_before_reset = linear_before_reset;
  cell.activations = default_activations(kind);
  cell.inputs = cell.hidden = 1;
  const auto gates = static_cast<size_t>(cell.gates());
  for (size_t g = 0; g < gates; ++g) {
    cell.input_weights.push_back(0.5f + 0.25f * static_cast<float>(g));
    cell.recurrent_weights.push_back(0.25f - 0.5f * static_cast<float>(g));
    cell.input_bias.push_back(0.125f);
    cell.recurrent_bias.push_back(0.0625f * static_cast<float>(g));
  }
  return cell;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

TEST(DeltaCell, SendsWhatChangedByTheThresholdSinceItWasLastSent) {
  DeltaStream<double> stream(2, 0.5);
  stream.encode(std::vector<double>{0.25, 0.5});  // 0.25 is below, 0.5 is not
  EXPECT_EQ(std::vector<uint32_t>(stream.indices().begin(), stream.indices().end()),
            std::vector<uint32_t>{1});
  stream.encode(std::vector<double>{0.4375, 0.5});  // against 0, not against the step before
  EXPECT_TRUE(stream.indices().empty());
  stream.encode(std::vector<double>{0.75, 0.25});
  EXPECT_EQ(std::vector<uint32_t>(stream.indices().begin(), stream.indices().end()),
            std::vector<uint32_t>{0});
  EXPECT_EQ(stream.changes()[0], 0.75);
  EXPECT_EQ(stream.sent()[0], 0.75);
  EXPECT_EQ(stream.sent()[1], 0.5);
}

TEST(DeltaCell, WithThresholdZeroSendsEveryChangeAndNothingElse) {
  DeltaStream<float> stream(3, 0.0);
  stream.encode(std::vector<float>{0.0f, 1e-30f, -1.0f});
  EXPECT_EQ(stream.indices().size(), 2u);
  stream.encode(std::vector<float>{0.0f, 1e-30f, -1.0f});
  EXPECT_EQ(stream.indices().size(), 0u);
}

TEST(DeltaCell, TakesAGruStepByTheEquationsOfOnnx) {
  for (const bool linear_before_reset : {false, true}) {
    DeltaCell<double> cell(small_cell(CellKind::gru, linear_before_reset), {});
    double h = 0;
    for (const double x : {1.0, -0.5, 0.75}) {
      const double z = sigmoid(0.5 * x + 0.25 * h + 0.125);
      const double r = sigmoid(0.75 * x - 0.25 * h + 0.1875);
      const double c = linear_before_reset ? std::tanh(x + 0.125 + r * (-0.75 * h + 0.125))
                                           : std::tanh(x - 0.75 * (r * h) + 0.25);
      h = (1 - z) * c + z * h;
      cell.step(std::vector<double>{x});
      EXPECT_NEAR(cell.hidden()[0], h, 1e-14);
    }
  }
}

TEST(DeltaCell, TakesAnLstmStepByTheEquationsOfOnnx) {
  DeltaCell<double> cell(small_cell(CellKind::lstm), {});
  double h = 0, c = 0;
  for (const double x : {1.0, -0.5, 0.75}) {
    const double i = sigmoid(0.5 * x + 0.25 * h + 0.125), o = sigmoid(0.75 * x - 0.25 * h + 0.1875);
    const double f = sigmoid(x - 0.75 * h + 0.25), g = std::tanh(1.25 * x - 1.25 * h + 0.3125);
    c = f * c + i * g;
    h = o * std::tanh(c);
    cell.step(std::vector<double>{x});
    EXPECT_NEAR(cell.hidden()[0], h, 1e-14);
    EXPECT_NEAR(cell.cell_state()[0], c, 1e-14);
  }
}

TEST(DeltaCell, CountsWhatItSentAndWhichWeightsThatReads) {
  DeltaCell<double> cell(small_cell(CellKind::gru), {.input = 10});
  cell.step(std::vector<double>{1.0});   // x is below its threshold, h is zero, so is r*h
  cell.step(std::vector<double>{11.0});  // x is sent; h moved by its biases alone, and r*h with it
  EXPECT_EQ(cell.counts(), (DeltaCounts{2, 1, 1, 1, 1, 1}));
  EXPECT_EQ(cell.counts().read_weights(small_cell(CellKind::gru)), 3 + 2 + 1);
  EXPECT_EQ(cell.counts().dense_weights(small_cell(CellKind::gru)), 12);
}

TEST(DeltaCell, SeesAStateFromOutsideAsAChange) {
  const RecurrentCell rules = small_cell(CellKind::rnn);
  DeltaCell<double> cell(rules, {});
  cell.set_hidden(std::vector<double>{2.0});
  cell.step(std::vector<double>{0.0});
  EXPECT_NEAR(cell.hidden()[0], std::tanh(0.25 * 2.0 + 0.125), 1e-14);
  cell.set_hidden(std::vector<double>{-1.0});
  cell.step(std::vector<double>{0.0});
  EXPECT_NEAR(cell.hidden()[0], std::tanh(0.25 * -1.0 + 0.125), 1e-14);
}

// A random cell of any kind with thresholds, and a signal that wanders.
struct Wandering {
  RecurrentCell cell;
  DeltaThresholds thresholds;
  std::vector<double> x;

  explicit Wandering(Random& random) {
    const Network network = random_recurrent_case(random).network();
    cell = recurrent_cells(network, network.nodes()[0])[0];
    thresholds = {random.uniform(0, 0.5), random.uniform(0, 0.3), random.uniform(0, 0.2)};
    x.assign(static_cast<size_t>(cell.inputs), 0.0);
  }
  void move(Random& random) {
    for (double& value : x) value += random.normal() * 0.2;
  }
};

TEST(DeltaCell, KeepsWhatItSentWithinTheThreshold) {
  Random random(12);
  for (int round = 0; round < 50; ++round) {
    Wandering signal(random);
    DeltaCell<double> cell(signal.cell, signal.thresholds);
    for (int step = 0; step < 30; ++step) {
      signal.move(random);
      const std::vector<double> before(cell.hidden().begin(), cell.hidden().end());
      cell.step(signal.x);
      for (size_t i = 0; i < signal.x.size(); ++i)
        EXPECT_LE(std::abs(signal.x[i] - cell.input_stream().sent()[i]), signal.thresholds.input);
      for (size_t i = 0; i < before.size(); ++i)
        EXPECT_LE(std::abs(before[i] - cell.hidden_stream().sent()[i]), signal.thresholds.hidden);
    }
  }
}

// The rows [first, first + hidden) of a matrix times a vector.
std::vector<double> product(const std::vector<float>& matrix, int64_t first, int64_t rows,
                            std::span<const double> vector) {
  std::vector<double> sums(static_cast<size_t>(rows), 0.0);
  for (size_t row = 0; row < sums.size(); ++row) {
    for (size_t i = 0; i < vector.size(); ++i)
      sums[row] +=
          static_cast<double>(matrix[(static_cast<size_t>(first) + row) * vector.size() + i]) * vector[i];
  }
  return sums;
}

TEST(DeltaCell, RemembersTheProductsOfWhatItSent) {
  Random random(13);
  for (int round = 0; round < 50; ++round) {
    Wandering signal(random);
    const RecurrentCell& rules = signal.cell;
    DeltaCell<double> cell(rules, signal.thresholds);
    for (int step = 0; step < 30; ++step) {
      signal.move(random);
      cell.step(signal.x);
    }
    const int64_t size = rules.hidden;
    for (int64_t gate = 0; gate < rules.gates(); ++gate) {
      const bool apart = rules.kind == CellKind::gru && gate == 2;  // the candidate keeps R's part by itself
      const auto wx = product(rules.input_weights, gate * size, size, cell.input_stream().sent());
      const auto rh = product(rules.recurrent_weights, gate * size, size,
                              apart && !rules.linear_before_reset ? cell.reset_hidden_stream().sent()
                                                                  : cell.hidden_stream().sent());
      for (int64_t unit = 0; unit < size; ++unit) {
        const auto i = static_cast<size_t>(unit), row = static_cast<size_t>(gate * size + unit);
        const double biases =
            static_cast<double>(rules.input_bias[row]) + static_cast<double>(rules.recurrent_bias[row]);
        double memory = cell.memory()[row];
        if (apart) memory += cell.memory()[static_cast<size_t>(3 * size + unit)];
        EXPECT_NEAR(memory, wx[i] + rh[i] + biases, 1e-11);
      }
    }
  }
}

TEST(DeltaCell, CountsTheColumnsOfItsStreams) {
  Random random(14);
  Wandering signal(random);
  DeltaCell<double> cell(signal.cell, signal.thresholds);
  DeltaCounts wanted{20, signal.cell.inputs, signal.cell.hidden};
  for (int step = 0; step < 20; ++step) {
    signal.move(random);
    cell.step(signal.x);
    wanted.sent_x += static_cast<int64_t>(cell.input_stream().indices().size());
    wanted.sent_h += static_cast<int64_t>(cell.hidden_stream().indices().size());
    wanted.sent_rh += static_cast<int64_t>(cell.reset_hidden_stream().indices().size());
  }
  EXPECT_EQ(cell.counts(), wanted);
  EXPECT_GT(wanted.sent_x, 0);
  EXPECT_LT(wanted.sent_x, 20 * signal.cell.inputs);
  cell.reset();
  EXPECT_EQ(cell.counts(), (DeltaCounts{0, signal.cell.inputs, signal.cell.hidden}));
}

// The plain layer multiplies whole sequences by kernels of its own.
TEST(DeltaCell, WithThresholdZeroIsThePlainLayer) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    const RecurrentCase made = random_recurrent_case(random);
    const std::vector<Tensor> plain = made.run();
    const Network network = made.network();
    const RecurrentCell weights = recurrent_cells(network, network.nodes()[0])[0];
    const auto row = [&](const Tensor& tensor, int64_t index, int64_t size) {
      return tensor.values<double>().subspan(static_cast<size_t>(index * size), static_cast<size_t>(size));
    };
    for (int64_t sample = 0; sample < made.batch; ++sample) {
      DeltaCell<double> cell(weights, {});
      const std::vector<const Tensor*> operands = made.operands();
      if (operands[5] != nullptr) cell.set_hidden(row(*operands[5], sample, made.hidden));
      if (operands.size() > 6 && operands[6] != nullptr)
        cell.set_cell_state(row(*operands[6], sample, made.hidden));
      for (int64_t step = 0; step < made.steps; ++step) {
        cell.step(row(made.inputs[0], step * made.batch + sample, made.features));
        const auto wanted = row(plain[0], step * made.batch + sample, made.hidden);
        for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(cell.hidden()[i], wanted[i], 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace deltahop
