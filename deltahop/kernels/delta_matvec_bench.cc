// SPDX-License-Identifier: Apache-2.0
// Delta products of one layer's recurrent weights: bytes of weights a second, by number type and share of
// changed columns.
//   deltahop_kernels_bench --benchmark_filter=columns
#include <benchmark/benchmark.h>

#include <type_traits>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/kernels/gates.h"
#include "deltahop/kernels/row_workers.h"
#include "deltahop/kernels/streaming_read.h"

namespace deltahop {
namespace {

constexpr int kLists = 32;  // fresh columns for so many steps

// hidden, percent of columns that changed, threads
template <class W, class Sum>
void columns(benchmark::State& state) {
  using Delta = std::conditional_t<std::is_same_v<W, float>, float, int16_t>;
  const int64_t hidden = state.range(0);
  const ColumnPanel<W> panel(3 * hidden, hidden,
                             std::vector<W>(static_cast<size_t>(3 * hidden * hidden), W{1}));
  const std::vector<Delta> deltas(static_cast<size_t>(hidden), Delta{100});
  std::vector<Sum> memory(static_cast<size_t>(3 * hidden));
  Random random(1);
  std::vector<std::vector<uint32_t>> lists(kLists);
  for (std::vector<uint32_t>& list : lists) {
    for (uint32_t k = 0; k < hidden; ++k) {
      if (random.chance(static_cast<double>(state.range(1)) / 100)) list.push_back(k);
    }
  }
  RowWorkers workers(static_cast<int>(state.range(2)));
  size_t step = 0;
  int64_t bytes = 0;
  for (auto _ : state) {
    const std::vector<uint32_t>& list = lists[step++ % kLists];
    add_columns(panel, {list.data(), deltas.data(), static_cast<int64_t>(list.size())}, std::span(memory),
                &workers);
    bytes += static_cast<int64_t>(list.size()) * panel.column_bytes();
  }
  state.SetBytesProcessed(bytes);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"hidden", "percent", "threads"})->UseRealTime();
  for (const int64_t hidden : {256, 768, 2048, 4096}) {
    for (const int64_t percent : {100, 10}) bench->Args({hidden, percent, 1});
  }
  for (const int64_t percent : {100, 10}) bench->Args({4096, percent, 2});
}
BENCHMARK(columns<float, float>)->Apply(shapes);
BENCHMARK(columns<int8_t, int32_t>)->Apply(shapes);
BENCHMARK(columns<int8_t, int64_t>)->Apply(shapes);
BENCHMARK(columns<int16_t, int32_t>)->Apply(shapes);
BENCHMARK(columns<int16_t, int64_t>)->Apply(shapes);

void read_in_order(benchmark::State& state) {
  const std::vector<uint64_t> words(static_cast<size_t>(state.range(0) << 17));
  for (auto _ : state) benchmark::DoNotOptimize(read_all(words));
  state.SetBytesProcessed(state.iterations() * (state.range(0) << 20));
}
BENCHMARK(read_in_order)->ArgName("MiB")->Arg(7)->Arg(256)->UseRealTime();

void gru(benchmark::State& state) {
  const auto hidden = static_cast<size_t>(state.range(0));
  const std::vector<int32_t> memory(4 * hidden, 1000);
  const std::vector<float> scale(4 * hidden, 1e-4f), bias(4 * hidden, 0.1f);
  std::vector<float> h(hidden);
  for (auto _ : state) gru_gates(GateSums<int32_t>{memory, scale, bias}, h);
}
BENCHMARK(gru)->ArgName("hidden")->Arg(256)->Arg(768);

// hidden, percent that changed
void encode(benchmark::State& state) {
  const auto hidden = static_cast<size_t>(state.range(0));
  std::vector<float> x(hidden);
  std::vector<int16_t> x_hat(hidden), deltas(hidden + kSentSlack);
  std::vector<uint32_t> indices(hidden + kSentSlack);
  size_t first = 0;
  for (auto _ : state) {
    if (state.range(1) > 0) {
      const size_t stride = 100 / static_cast<size_t>(state.range(1));
      for (size_t i = first++ % stride; i < hidden; i += stride) x[i] = x[i] > 0 ? -0.5f : 0.5f;
    }
    benchmark::DoNotOptimize(encode_delta(x, 16384.0f, std::span(x_hat), 100, indices.data(), deltas.data()));
  }
}
BENCHMARK(encode)->ArgNames({"hidden", "percent"})->Args({768, 0})->Args({768, 10})->Args({4096, 10});

}  // namespace
}  // namespace deltahop
