// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/exact_evaluation.h"

#include <gtest/gtest.h>

#include "deltahop/compress/fold.h"
#include "deltahop/io/load.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/network/integer_model.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/integer_recurrent.h"
#include "deltahop/train/constraint.h"
#include "deltahop/train/convert.h"

namespace deltahop {
namespace {

ConstraintSection section(const std::string& kind) {
  ConstraintSection made;
  made.name = made.kind = kind;
  return made;
}

Network network_of(const std::string& shape, const std::string& layers) {
  return read_yaml_network(
      Config::from_text("name: n\ninput: {name: x, shape: " + shape + "}\nlayers:\n" + layers, "n.yaml"),
      {.seed = 5, .weights = ""}, "");
}

int64_t best_of(std::span<const float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

Examples random_pictures(int64_t count, std::vector<int64_t> shape) {
  torch::manual_seed(51);
  shape.insert(shape.begin(), count);
  return {torch::rand(shape) * 1.3 - 0.2, torch::randint(0, 5, {count}, torch::kInt64), {}};
}

// What the integer executor makes of the same examples.
void expect_the_executors(const Network& model, const Examples& examples) {
  const ExactEvaluation ours = evaluate_exactly(model, examples);
  const IntegerExecutor executor(
      model_from_formats(folded(model), model.metadata().at(std::string(kFormatsKey)), "x"));
  int64_t right = 0;
  std::map<std::string, ExactEvaluation::Zeros> stages;
  std::vector<int64_t> predictions;
  for (int64_t k = 0; k < examples.size(); ++k) {
    const Tensor input = from_torch(examples.inputs.narrow(0, k, 1), DataType::float32);
    const IntegerResult result = executor.run({input}, {}, [&](const Stage&, const LayerTrace& trace) {
      ExactEvaluation::Zeros& count = stages[trace.name];
      count.values += trace.output->size();
      count.zeros += trace.output->size() - count_nonzero(*trace.output);
    });
    predictions.push_back(best_of(result.values[0].values<float>()));
    right += predictions.back() == examples.labels[k].item<int64_t>() ? 1 : 0;
  }
  EXPECT_EQ(ours.predictions, predictions);
  EXPECT_EQ(ours.right, right);
  EXPECT_EQ(ours.stages, stages);
}

Network with_formats(const Network& network, const ConstraintSection& rounding, const torch::Tensor& seen) {
  TrainableGraph graph(network);
  ConstraintSet set({rounding}, graph);
  graph.set_training(true);
  set.begin_batch({});
  graph.forward(seen, {}, set);  // found formats need to have seen something
  return set.finished(graph.to_network());
}

TEST(ExactEvaluation, CountsOfConvolutionsWithPoolingAreTheIntegerExecutors) {
  const Network network =
      network_of("[1, 2, 12, 12]",
                 "  - {name: a, type: conv, out_channels: 4, kernel: 3, pad: 1, activation: relu}\n"
                 "  - {name: p, type: max_pool, kernel: 2}\n"
                 "  - {name: b, type: conv, out_channels: 6, kernel: 3, stride: 2}\n"
                 "  - {name: r, type: relu}\n"
                 "  - {name: fc, type: fc, out_features: 5}\n");
  const Examples examples = random_pictures(60, {2, 12, 12});
  ConstraintSection coarse = section("rounding");
  coarse.weight_bits = coarse.activation_bits = 8;
  coarse.weight_fraction = coarse.activation_fraction = 4;
  expect_the_executors(with_formats(network, coarse, examples.inputs), examples);
  expect_the_executors(with_formats(network, section("rounding"), examples.inputs),
                       examples);  // found formats
  for (const char* rule : {"half_even", "half_away", "toward_zero", "half_up"}) {
    ConstraintSection other = coarse;
    other.sums = rule;
    expect_the_executors(with_formats(network, other, examples.inputs), examples);
  }
}

TEST(ExactEvaluation, ExecutedMacsAreTheValuesThatAreNotZeroTimesTheirReaders) {
  const Network network =
      network_of("[1, 2, 6, 6]",
                 "  - {name: a, type: conv, out_channels: 4, kernel: 1, activation: relu}\n"
                 "  - {name: fc, type: fc, out_features: 5}\n");
  torch::manual_seed(55);
  const torch::Tensor pictures = torch::randint(0, 2, {30, 2, 6, 6}, torch::kFloat);
  const Examples examples{pictures, torch::zeros({30}, torch::kInt64), {}};
  const ExactEvaluation result =
      evaluate_exactly(with_formats(network, section("rounding"), pictures), examples);
  const ExactEvaluation::Zeros& a = result.stages.at("a");
  EXPECT_EQ(result.executed_macs, 4 * pictures.count_nonzero().item<int64_t>() + 5 * (a.values - a.zeros));
  EXPECT_EQ(result.macs, 30 * (4 * 2 * 36 + 5 * 4 * 36));
  EXPECT_DOUBLE_EQ(result.shares().at("executed_macs") * 30, static_cast<double>(result.executed_macs));
}

TEST(ExactEvaluation, BranchesAveragesAndBoundedActivationsAreTheIntegerExecutors) {
  const Network network =
      network_of("[1, 2, 12, 12]",
                 "  - {name: a, type: conv, out_channels: 4, kernel: 3, pad: 1, activation: relu6}\n"
                 "  - {name: b, type: conv, out_channels: 4, kernel: 3, pad: 1, activation: relu}\n"
                 "  - {name: sum, type: add, inputs: [a, b], activation: relu}\n"
                 "  - {name: both, type: concat, inputs: [sum, a]}\n"
                 "  - {name: c, type: conv, out_channels: 4, kernel: 1, activation: relu}\n"
                 "  - {name: p, type: average_pool, kernel: 3}\n"
                 "  - {name: g, type: global_average_pool}\n"
                 "  - {name: fc, type: fc, out_features: 5}\n");
  const Examples examples = random_pictures(40, {2, 12, 12});
  ConstraintSection coarse = section("rounding");
  coarse.weight_bits = coarse.activation_bits = 10;
  coarse.weight_fraction = coarse.activation_fraction = 6;
  expect_the_executors(with_formats(network, coarse, examples.inputs), examples);
  expect_the_executors(with_formats(network, section("rounding"), examples.inputs), examples);
}

// What integer delta GRUs make of the same examples, each to its own end.
ExactEvaluation expect_the_integer_grus(const Network& model, const Examples& examples) {
  const ExactEvaluation ours = evaluate_exactly(model, examples);
  std::map<std::string, ExactEvaluation::Columns> layers;
  std::vector<int64_t> predictions;
  for (int64_t k = 0; k < examples.size(); ++k) {
    const int64_t length = examples.lengths[k].item<int64_t>(), width = examples.inputs.size(2);
    const Network bound = model.bound({{length, 1, width}});
    const RecurrentModel integers = recurrent_model(bound, gru_formats_in(model), thresholds_in(model));
    const torch::Tensor frames = examples.inputs[k].narrow(0, 0, length).contiguous();
    const RecurrentRun run =
        run_recurrent(integers, {from_torch(frames, DataType::float32).reshaped({length, 1, width})}, {});
    for (size_t layer = 0; layer < run.traces.size(); ++layer) {
      const RecurrentTrace& trace = run.traces[layer];
      ExactEvaluation::Columns& columns = layers[integers.network.nodes()[integers.layers[layer].node].name];
      for (const int32_t sent : trace.sent_x) columns.sent_x += sent;
      for (const int32_t sent : trace.sent_h) columns.sent_h += sent;
      columns.steps += trace.steps();
      columns.inputs = trace.layer->inputs;
      columns.hidden = trace.layer->hidden;
    }
    predictions.push_back(best_of(run.outputs[0].values<float>()));
  }
  EXPECT_EQ(ours.layers, layers);
  EXPECT_EQ(ours.predictions, predictions);
  return ours;
}

TEST(ExactEvaluation, SentColumnsOfDeltaGrusAreThoseOfTheIntegerGrus) {
  torch::manual_seed(52);
  const Network network = network_of("[time, 1, 6]",
                                     "  - {name: g1, type: gru, units: 10}\n"
                                     "  - {name: g2, type: gru, units: 8, output: last}\n"
                                     "  - {name: fc, type: fc, out_features: 5}\n");
  TrainableGraph graph(network);
  ConstraintSection rounding = section("rounding"), delta = section("delta");
  rounding.weight_bits = 8;
  delta.threshold_x = 0.2;
  delta.threshold_h = 0.08;
  ConstraintSet set({rounding, delta}, graph);
  const Network model = set.finished(graph.to_network());
  const int64_t count = 12;
  Examples examples{(torch::randn({count, 20, 6}) * 0.3).cumsum(1),
                    torch::randint(0, 5, {count}, torch::kInt64),
                    torch::randint(3, 21, {count}, torch::kInt64)};
  EXPECT_LT(expect_the_integer_grus(model, examples).read_weights_fraction(), 0.9);
}

TEST(ExactEvaluation, ThresholdsGivenGoBeforeTheModelsOwn) {
  torch::manual_seed(53);
  const Network network = network_of("[time, 1, 6]",
                                     "  - {name: g1, type: gru, units: 8, output: last}\n"
                                     "  - {name: fc, type: fc, out_features: 5}\n");
  const Examples examples{(torch::randn({4, 20, 6}) * 0.3).cumsum(1), torch::zeros({4}, torch::kInt64), {}};
  const ThresholdTable high{{{"*", {.input = 1.0, .hidden = 0.5}}}};
  EXPECT_LT(evaluate_exactly(network, examples, &high).layers["g1"].sent_x,
            evaluate_exactly(network, examples).layers["g1"].sent_x);
}

std::string shipped(const std::string& name) { return std::string(DELTAHOP_SOURCE_DIR) + "/models/" + name; }

TEST(ExactEvaluation, TheDigitsThatShipAreEvaluatedAsTheIntegerExecutorDoes) {
  expect_the_executors(load_network(shipped("demo_digits.onnx")), random_pictures(40, {1, 28, 28}));
}

TEST(ExactEvaluation, TheWordsThatShipAreEvaluatedAsIntegerGrusDo) {
  torch::manual_seed(54);
  const Network model = load_network(shipped("demo_words.onnx"));
  const int64_t width = model.inputs().at(0).declared.back();
  expect_the_integer_grus(model,
                          {(torch::randn({10, 40, width}) * 0.3).cumsum(1), torch::zeros({10}, torch::kInt64),
                           torch::randint(5, 41, {10}, torch::kInt64)});
}

}  // namespace
}  // namespace deltahop
