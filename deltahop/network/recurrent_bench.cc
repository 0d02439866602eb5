// SPDX-License-Identifier: Apache-2.0
// Recurrent layers over 100 steps, dense, one thread: multiply-accumulates a second, batch 1 (which reads the
// recurrent weights anew in each step) and batch 16 (which shares them).
//   ninja deltahop_network_bench && bin/deltahop_network_bench --benchmark_filter=gru
#include <benchmark/benchmark.h>

#include "deltahop/network/layer_testing.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {
namespace {

constexpr int64_t kSteps = 100, kInputs = 40;

// Arguments: hidden units, batch.
void run(benchmark::State& state, CellKind kind, const Attributes& attributes) {
  const int64_t hidden = state.range(0), batch = state.range(1), rows = gates_of(kind) * hidden;
  Random random(1);
  const Tensor x = random_tensor(random, {kSteps, batch, kInputs}),
               w = random_tensor(random, {1, rows, kInputs}), r = random_tensor(random, {1, rows, hidden}),
               b = random_tensor(random, {1, 2 * rows});
  const auto layer = made_layer(std::string(name_of(kind)), attributes, 4);
  for (auto unused : state)
    benchmark::DoNotOptimize(layer->forward(std::vector<const Tensor*>{&x, &w, &r, &b}, {}));
  state.counters["MACs"] = benchmark::Counter(static_cast<double>(kSteps * batch * rows * (kInputs + hidden)),
                                              benchmark::Counter::kIsIterationInvariantRate);
}

void gru(benchmark::State& state) { run(state, CellKind::gru, {{"linear_before_reset", int64_t{1}}}); }
void gru_reset_before_the_product(benchmark::State& state) { run(state, CellKind::gru, {}); }
void lstm(benchmark::State& state) { run(state, CellKind::lstm, {}); }

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t hidden : {128, 768}) {
    for (const int64_t batch : {1, 16}) benchmark->Args({hidden, batch});
  }
  benchmark->Unit(benchmark::kMillisecond);
}
BENCHMARK(gru)->Apply(sizes);
BENCHMARK(gru_reset_before_the_product)->Apply(sizes);
BENCHMARK(lstm)->Apply(sizes);

}  // namespace
}  // namespace deltahop
