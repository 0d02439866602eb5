// SPDX-License-Identifier: Apache-2.0
// TensorFlow's recurrent loops against the definition of their cells, in double.
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/io/graph_def_test_model.h"
#include "deltahop/io/graph_def_testing.h"

namespace deltahop {
namespace {

using namespace test_graph_def;
using ::testing::HasSubstr;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Seeded weights in [-1, 1].
std::vector<float> random_weights(size_t count, uint32_t seed) {
  std::mt19937 bits(seed);
  std::vector<float> weights(count);
  for (float& weight : weights) weight = static_cast<float>(static_cast<double>(bits()) / 0x1p31 - 1);
  return weights;
}

// sum over i of values[i] * kernel[i][column]: the kernel as TensorFlow keeps it.
double product(const std::vector<double>& values, const std::vector<float>& kernel, size_t columns,
               size_t column) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i)
    sum += values[i] * static_cast<double>(kernel[i * columns + column]);
  return sum;
}

constexpr size_t kInputs = 2, kHidden = 3, kSteps = 4;

struct CellWeights {
  explicit CellWeights(size_t inputs, uint32_t seed)
      : kernel(random_weights((inputs + kHidden) * 2 * kHidden, seed)),
        bias(random_weights(2 * kHidden, seed + 1)),
        candidate(random_weights((inputs + kHidden) * kHidden, seed + 2)),
        candidate_bias(random_weights(kHidden, seed + 3)) {}
  std::string nodes(const std::string& name, int64_t inputs) const {
    const auto rows = inputs + static_cast<int64_t>(kHidden), hidden = static_cast<int64_t>(kHidden);
    return floats(name + "/gates/kernel", {rows, 2 * hidden}, kernel) +
           floats(name + "/gates/bias", {2 * hidden}, bias) +
           floats(name + "/candidate/kernel", {rows, hidden}, candidate) +
           floats(name + "/candidate/bias", {hidden}, candidate_bias);
  }
  // The definition of TensorFlow's GRUCell: r and u in the first and second half of the gates, the reset
  // before the product, u keeps the old state.
  std::vector<double> step(const std::vector<double>& x, const std::vector<double>& h) const {
    std::vector<double> xh = x, xrh = x, result(kHidden);
    xh.insert(xh.end(), h.begin(), h.end());
    for (size_t i = 0; i < kHidden; ++i)
      xrh.push_back(h[i] * sigmoid(product(xh, kernel, 2 * kHidden, i) + static_cast<double>(bias[i])));
    for (size_t i = 0; i < kHidden; ++i) {
      const double u =
          sigmoid(product(xh, kernel, 2 * kHidden, kHidden + i) + static_cast<double>(bias[kHidden + i]));
      const double c =
          std::tanh(product(xrh, candidate, kHidden, i) + static_cast<double>(candidate_bias[i]));
      result[i] = u * h[i] + (1 - u) * c;
    }
    return result;
  }
  std::vector<float> kernel, bias, candidate, candidate_bias;
};

std::string sequence_input() {
  return placeholder("x", {static_cast<int64_t>(kSteps), 1, static_cast<int64_t>(kInputs)});
}
std::string zeros(const std::string& name) {
  return floats(name, {1, static_cast<int64_t>(kHidden)}, {0, 0, 0});
}
Tensor sequence() {
  return Tensor::of<float>({static_cast<int64_t>(kSteps), 1, static_cast<int64_t>(kInputs)},
                           random_weights(kSteps * kInputs, 99));
}

void expect_near(const Tensor& tensor, const std::vector<std::vector<double>>& rows) {
  const std::vector<float> values = floats_in(tensor);
  ASSERT_EQ(values.size(), rows.size() * kHidden);
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(static_cast<double>(values[i]), rows[i / kHidden][i % kHidden], 1e-6) << i;
}

// States of a stack of cells at every step, the top one's first.
std::vector<std::vector<double>> states_of(const std::vector<CellWeights>& cells) {
  const std::vector<float> x = floats_in(sequence());
  std::vector<std::vector<double>> states(cells.size(), std::vector<double>(kHidden, 0)), top;
  for (size_t t = 0; t < kSteps; ++t) {
    std::vector<double> below(x.begin() + static_cast<std::ptrdiff_t>(t * kInputs),
                              x.begin() + static_cast<std::ptrdiff_t>((t + 1) * kInputs));
    for (size_t c = 0; c < cells.size(); ++c) below = states[c] = cells[c].step(below, states[c]);
    top.push_back(below);
  }
  return top;
}

TEST(GraphDefLoop, ALoopOfGruCellIsAGru) {
  const CellWeights cell(kInputs, 1);
  const Network network =
      parse_graph_def(sequence_input() + zeros("h0") + cell.nodes("rnn/cell", kInputs) +
                          loop(kSteps, {"h0"}, {"rnn/cell/new"}, gru_cell("rnn/cell", "read", "state0")),
                      "net.pb");
  EXPECT_THAT(operators_of(network), ::testing::UnorderedElementsAre("GRU", "Squeeze", "Squeeze"));
  EXPECT_EQ(network.nodes()[0].name, "rnn/cell");
  const auto outputs = run(network, sequence());
  const auto expected = states_of({cell});
  ASSERT_EQ(outputs.size(), 2u);
  expect_near(outputs[0], {expected.back()});
  expect_near(outputs[1], expected);
}

TEST(GraphDefLoop, StackedCellsAreALayerEach) {
  const CellWeights lower(kInputs, 5), upper(kHidden, 6);
  const Network network =
      parse_graph_def(sequence_input() + zeros("h0") + lower.nodes("a", kInputs) + upper.nodes("b", kHidden) +
                          loop(kSteps, {"h0", "h0"}, {"b/new", "a/new"},
                               gru_cell("b", "a/new", "state0") + gru_cell("a", "read", "state1")) +
                          node("Relu", "unused", {"exit1"}),
                      "net.pb");
  const auto outputs = run(network, sequence());
  expect_near(outputs[0], {states_of({lower, upper}).back()});
}

TEST(GraphDefLoop, AnInitialStateThatIsNotZeroIsKept) {
  const CellWeights cell(kInputs, 1);
  const std::vector<float> initial = {0.5f, -0.25f, 0.125f};
  const Network network = parse_graph_def(placeholder("x", {1, 1, static_cast<int64_t>(kInputs)}) +
                                              floats("h0", {1, 3}, initial) + cell.nodes("c", kInputs) +
                                              loop(1, {"h0"}, {"c/new"}, gru_cell("c", "read", "state0")),
                                          "net.pb");
  expect_near(run(network, Tensor::of<float>({1, 1, 2}, {1, -1}))[0],
              {cell.step({1, -1}, {0.5, -0.25, 0.125})});
}

TEST(GraphDefLoop, ALoopOverAnotherNumberOfStepsIsRefused) {
  const CellWeights cell(kInputs, 1);
  EXPECT_THAT(
      fault_of(placeholder("x", {7, 1, static_cast<int64_t>(kInputs)}) + zeros("h0") +
               cell.nodes("c", kInputs) + loop(kSteps, {"h0"}, {"c/new"}, gru_cell("c", "read", "state0"))),
      HasSubstr("node 'condition' (LoopCond): takes 4 steps over a sequence of 7x1x2"));
}

// Each change makes the loop something else than a GRU over a sequence.
TEST(GraphDefLoop, LoopsThatAreNoGruAreRefused) {
  const CellWeights cell(kInputs, 1);
  const std::string whole = sequence_input() + zeros("h0") + cell.nodes("c", kInputs) +
                            loop(kSteps, {"h0"}, {"c/new"}, gru_cell("c", "read", "state0"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_EQ(fault_of(whole), "");
  const std::string no_cell = "the loop is no dynamic_rnn of GRUCell or LSTMCell";
  EXPECT_THAT(fault_of(with(node("Tanh", "c/tanh", {"c/sum_1"}), node("Sigmoid", "c/tanh", {"c/sum_1"}))),
              HasSubstr(no_cell));
  EXPECT_THAT(fault_of(with(node("Mul", "c/rh", {"c/split", "state0"}),
                            node("Mul", "c/rh", {"c/split:1", "state0"}))),
              HasSubstr(no_cell));
  EXPECT_THAT(fault_of(with(floats("c/unit", {}, {1}), floats("c/unit", {}, {2}))), HasSubstr(no_cell));
  EXPECT_THAT(
      fault_of(with(node("Add", "time/add", {"time", "one"}), node("Add", "time/add", {"time", "steps"}))),
      HasSubstr("does not count steps"));
  EXPECT_THAT(fault_of(with(node("TensorArrayReadV3", "read", {"array/enter", "time", "scatter/enter"}),
                            node("TensorArrayReadV3", "read", {"array/enter", "one", "scatter/enter"}))),
              HasSubstr("out of order"));
}

// LSTMCell over "read", "state0" (h) and "state1" (c), with peepholes where `peepholes` says.
std::string lstm_cell(bool peepholes) {
  std::string proto = node("ConcatV2", "xh", {"read", "state0", "one"}) +
                      node("MatMul", "product", {"xh", "lstm/kernel"}) +
                      node("BiasAdd", "sum", {"product", "lstm/bias"}) +
                      node("Split", "split", {"one", "sum"}, attribute("num_split", 4)) +
                      floats("forget", {}, {1.5f}) + node("Add", "f", {"split:2", "forget"});
  if (peepholes) {
    proto += floats("wi", {3}, {0.5f, -1, 2}) + floats("wf", {3}, {1, 0.25f, -0.5f}) +
             floats("wo", {3}, {-2, 1, 0.75f}) + node("Mul", "pi", {"wi", "state1"}) +
             node("Mul", "pf", {"state1", "wf"}) + node("Mul", "po", {"wo", "cell"});
  }
  proto += peepholes ? node("Add", "i1", {"split", "pi"}) + node("Add", "f1", {"f", "pf"}) +
                           node("Add", "o1", {"split:3", "po"})
                     : node("Identity", "i1", {"split"}) + node("Identity", "f1", {"f"}) +
                           node("Identity", "o1", {"split:3"});
  return proto + node("Sigmoid", "si", {"i1"}) + node("Sigmoid", "sf", {"f1"}) +
         node("Sigmoid", "so", {"o1"}) + node("Tanh", "j", {"split:1"}) +
         node("Mul", "kept", {"sf", "state1"}) + node("Mul", "added", {"si", "j"}) +
         node("Add", "cell", {"kept", "added"}) + node("Tanh", "squashed", {"cell"}) +
         node("Mul", "hidden", {"squashed", "so"});
}

// TensorFlow's LSTMCell: i j f o side by side, 1.5 added to f, peepholes of the old cell state but for o.
void expect_lstm(bool peepholes) {
  const std::vector<float> kernel = random_weights((kInputs + kHidden) * 4 * kHidden, 31),
                           bias = random_weights(4 * kHidden, 32);
  const Network network =
      parse_graph_def(sequence_input() + zeros("h0") + floats("lstm/kernel", {5, 12}, kernel) +
                          floats("lstm/bias", {12}, bias) +
                          loop(kSteps, {"h0", "h0"}, {"hidden", "cell"}, lstm_cell(peepholes)),
                      "net.pb");
  const double wi[] = {0.5, -1, 2}, wf[] = {1, 0.25, -0.5}, wo[] = {-2, 1, 0.75};
  const double with = peepholes ? 1 : 0;
  std::vector<double> h(kHidden, 0), c(kHidden, 0);
  std::vector<std::vector<double>> all;
  const std::vector<float> x = floats_in(sequence());
  for (size_t t = 0; t < kSteps; ++t) {
    std::vector<double> xh = {static_cast<double>(x[2 * t]), static_cast<double>(x[2 * t + 1])};
    xh.insert(xh.end(), h.begin(), h.end());
    for (size_t n = 0; n < kHidden; ++n) {
      const auto gate = [&](size_t g) {
        return product(xh, kernel, 4 * kHidden, g * kHidden + n) + static_cast<double>(bias[g * kHidden + n]);
      };
      const double old = c[n];
      c[n] = sigmoid(gate(2) + 1.5 + with * wf[n] * old) * old +
             sigmoid(gate(0) + with * wi[n] * old) * std::tanh(gate(1));
      h[n] = sigmoid(gate(3) + with * wo[n] * c[n]) * std::tanh(c[n]);
    }
    all.push_back(h);
  }
  const auto outputs = run(network, sequence());
  expect_near(outputs[0], {h});
  expect_near(outputs[1], {c});
  expect_near(outputs[2], all);
}

TEST(GraphDefLoop, ALoopOfLstmCellIsAnLstm) { expect_lstm(false); }
TEST(GraphDefLoop, PeepholesOfLstmCellAreKept) { expect_lstm(true); }

TEST(GraphDefLoop, AProjectionIsRefusedByName) {
  EXPECT_THAT(
      fault_of(sequence_input() + zeros("h0") + floats("lstm/kernel", {5, 12}, random_weights(60, 1)) +
               floats("lstm/bias", {12}, random_weights(12, 2)) +
               floats("projection", {3, 3}, random_weights(9, 3)) +
               loop(kSteps, {"h0", "h0"}, {"projected", "cell"},
                    lstm_cell(false) + node("MatMul", "projected", {"hidden", "projection"}))),
      HasSubstr("node 'projected' (MatMul): an LSTMCell with a projection is not supported"));
}

}  // namespace
}  // namespace deltahop
