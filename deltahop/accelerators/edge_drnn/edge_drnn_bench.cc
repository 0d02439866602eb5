// SPDX-License-Identifier: Apache-2.0
// Speed of EdgeDRNN's models on two layers of 768 units with 40 inputs: the ticking model with and without
// arithmetic, the schedule, the integer reference. Everything changes in every step (density 100), or one
// value in ten; with arithmetic the units' outputs are computed, and change as they do.
#include <benchmark/benchmark.h>

#include "deltahop/accelerators/edge_drnn/edge_drnn.h"
#include "deltahop/accelerators/edge_drnn/ticking.h"
#include "deltahop/base/random.h"
#include "deltahop/network/synthetic_sequence.h"

namespace deltahop::edge_drnn {
namespace {

std::vector<RecurrentTrace> make_traces(int64_t steps, double density) {
  Random random(7);
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
  for (const int64_t inputs : {int64_t{40}, int64_t{768}}) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->inputs = inputs;
    layer->hidden = 768;
    for (auto [values, columns] :
         {std::pair(&layer->bias, int64_t{1}), std::pair(&layer->input_columns, layer->inputs),
          std::pair(&layer->recurrent_columns, layer->hidden)}) {
      values->resize(static_cast<size_t>(columns * layer->rows()));
      for (int16_t& value : *values) value = static_cast<int16_t>(random.integer(-127, 127));
    }
    stack.push_back(layer);
  }
  return synthetic_sequence(stack, steps, density, 8, 1);
}

std::vector<const RecurrentTrace*> pointers(const std::vector<RecurrentTrace>& traces) {
  return {&traces[0], &traces[1]};
}

EdgeDrnnConfig config() { return dynamic_cast<const EdgeDrnn&>(*make_accelerator("edge_drnn", {})).config(); }

template <class Run>
void measure(benchmark::State& state, Run&& run) {
  const auto traces = make_traces(1000, static_cast<double>(state.range(0)) / 100.0);
  const EdgeDrnnConfig chip = config();
  int64_t cycles = 0;
  for (auto _ : state)
    for (const LayerEvents& layer : run(chip, traces)) cycles += layer.cycles();
  state.counters["cycles"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

void ticking_1000_steps(benchmark::State& state) {
  measure(state,
          [](const auto& chip, const auto& traces) { return tick(chip, pointers(traces), {}, nullptr); });
}
BENCHMARK(ticking_1000_steps)->Arg(100)->Arg(10)->Unit(benchmark::kSecond)->Iterations(1);

void ticking_1000_steps_with_arithmetic(benchmark::State& state) {
  measure(state, [](const auto& chip, const auto& traces) {
    std::vector<Tensor> outputs;
    return tick(chip, pointers(traces), {}, &outputs);
  });
}
BENCHMARK(ticking_1000_steps_with_arithmetic)->Arg(100)->Unit(benchmark::kSecond)->Iterations(1);

void schedule_of_1000_steps(benchmark::State& state) {
  measure(state, [](const auto& chip, const auto& traces) { return schedule(chip, pointers(traces), {}); });
}
BENCHMARK(schedule_of_1000_steps)->Arg(100)->Arg(10)->Unit(benchmark::kMillisecond);

void integer_reference_of_100_steps(benchmark::State& state) {
  const auto traces = make_traces(100, static_cast<double>(state.range(0)) / 100.0);
  for (auto _ : state) benchmark::DoNotOptimize(run_sequence(traces[0].layer, traces[0].inputs));
}
BENCHMARK(integer_reference_of_100_steps)->Arg(100)->Arg(10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace deltahop::edge_drnn
