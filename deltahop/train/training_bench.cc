// SPDX-License-Identifier: Apache-2.0
// What constraints cost in training time: a batch forward, loss, backward and a step of SGD, with and without
// them, of the recipes' sizes. Compare medians of interleaved runs:
//   deltahop_train_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
//   --benchmark_report_aggregates_only=true
#include <torch/nn/modules/rnn.h>

#include <benchmark/benchmark.h>

#include "deltahop/io/yaml_network.h"
#include "deltahop/train/constraint.h"
#include "deltahop/train/loss.h"

namespace deltahop {
namespace {

constexpr int64_t kBatch = 64, kFrames = 60, kFeatures = 16, kUnits = 96, kClasses = 10;
constexpr double kRate = 0.01;

void descend(const std::vector<torch::Tensor>& parameters) {
  const torch::NoGradGuard no_gradients;
  for (torch::Tensor parameter : parameters) {
    parameter.sub_(kRate * parameter.grad());
    parameter.mutable_grad().zero_();
  }
}

// Recipe 2's size by LibTorch's own GRU, everything else the same.
void libtorch_gru(benchmark::State& state) {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::GRU gru(torch::nn::GRUOptions(kFeatures, kUnits));
  torch::Tensor head = torch::randn({kClasses, kUnits}).mul_(0.1).requires_grad_(true);
  std::vector<torch::Tensor> parameters = gru->parameters();
  parameters.push_back(head);
  const torch::Tensor x = torch::randn({kBatch, kFrames, kFeatures});
  const torch::Tensor labels = torch::randint(0, kClasses, {kBatch}, torch::kInt64);
  for (auto _ : state) {
    const torch::Tensor out = std::get<0>(gru->forward(x.transpose(0, 1)));
    classification_loss("cross_entropy", out[kFrames - 1].mm(head.t()), labels).backward();
    descend(parameters);
  }
}

void train(benchmark::State& state, const std::string& network, std::vector<int64_t> shape,
           const std::vector<ConstraintSection>& sections) {
  at::set_num_threads(1);
  torch::manual_seed(1);
  TrainableGraph graph(read_yaml_network(Config::from_text(network, "bench.yaml"), {}, ""));
  ConstraintSet constraints(sections, graph);
  std::vector<torch::Tensor> parameters;
  for (const auto& each : graph.parameters()) parameters.push_back(each.value);
  shape.insert(shape.begin(), kBatch);
  const torch::Tensor x = torch::randn(shape), labels = torch::randint(0, kClasses, {kBatch}, torch::kInt64);
  graph.set_training(true);
  for (auto _ : state) {
    constraints.begin_batch({});
    torch::Tensor loss = classification_loss("cross_entropy", graph.forward(x, {}, constraints), labels);
    if (constraints.cost().defined()) loss = loss + constraints.cost();
    loss.backward();
    descend(parameters);
  }
}

ConstraintSection section(const std::string& kind) {
  ConstraintSection made;
  made.name = made.kind = kind;
  return made;
}

void delta_gru(benchmark::State& state) {
  const std::string network =
      "name: n\ninput: {name: x, shape: [time, 1, 16]}\nlayers:\n"
      "  - {name: gru1, type: gru, units: 96, output: last}\n  - {name: fc, type: fc, out_features: 10}\n";
  ConstraintSection rounding = section("rounding"), delta = section("delta"), cost = section("delta_cost");
  rounding.weight_bits = 8;
  delta.threshold_x = delta.threshold_h = 0.4;
  cost.weight = 1;
  train(state, network, {kFrames, kFeatures}, {rounding, delta, cost});
}

constexpr const char* kConvolutions =
    "name: n\ninput: {name: x, shape: [1, 1, 28, 28]}\nlayers:\n"
    "  - {name: conv1, type: conv, out_channels: 16, kernel: 5, activation: relu}\n"
    "  - {name: pool1, type: max_pool, kernel: 2}\n"
    "  - {name: conv2, type: conv, out_channels: 32, kernel: 5, activation: relu}\n"
    "  - {name: pool2, type: max_pool, kernel: 2}\n"
    "  - {name: fc1, type: fc, out_features: 128, activation: relu}\n"
    "  - {name: fc2, type: fc, out_features: 10}\n";

void float_convolutions(benchmark::State& state) { train(state, kConvolutions, {1, 28, 28}, {}); }

void rounded_convolutions(benchmark::State& state) {
  ConstraintSection rounding = section("rounding");
  rounding.weight_fraction = 12;
  rounding.activation_fraction = 8;
  train(state, kConvolutions, {1, 28, 28}, {rounding});
}

BENCHMARK(libtorch_gru)->Unit(benchmark::kMillisecond);
BENCHMARK(delta_gru)->Unit(benchmark::kMillisecond);
BENCHMARK(float_convolutions)->Unit(benchmark::kMillisecond);
BENCHMARK(rounded_convolutions)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace deltahop
