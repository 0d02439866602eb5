// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/bench_job.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>

#include "deltahop/base/random.h"
#include "deltahop/kernels/streaming_read.h"
#include "deltahop/run/sparse_network.h"

namespace deltahop {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A way of computing the network that can be asked for one input.
struct Runner {
  BenchWay way;
  SparseNetwork* engine = nullptr;
  PathRule rule = PathRule::measured;
  std::function<Tensor(const std::vector<Tensor>&)> run;  // the first output
};

void add_layers(Runner& runner, bool timed) {
  if (runner.engine == nullptr) return;
  if (timed) runner.way.other_s += runner.engine->other_seconds();
  add_last_run(runner.way.layers, *runner.engine, timed);
}

std::vector<Runner> make_runners(const Network& network, SparseNetwork& integers, SparseNetwork& floats,
                                 int threads) {
  std::vector<Runner> runners;
  Runner layers;
  layers.way.key = "float_layers";
  layers.way.name = "float32, layer by layer";
  layers.way.is_dense = layers.way.is_float = true;
  layers.run = [&network, threads](const std::vector<Tensor>& inputs) {
    return std::move(execute(network, inputs, {.threads = threads}).at(0));
  };
  runners.push_back(std::move(layers));
  const auto add = [&](const char* key, const char* name, SparseNetwork& engine, PathRule rule,
                       bool is_float) {
    Runner runner;
    runner.way.key = key;
    runner.way.name = name;
    runner.way.is_dense = rule == PathRule::dense;
    runner.way.is_float = is_float;
    runner.way.general_nodes = engine.general_nodes();
    runner.engine = &engine;
    runner.rule = rule;
    runner.run = [&engine, rule](const std::vector<Tensor>& inputs) {
      engine.set_rule(rule);
      return std::move(engine.run(inputs).values.at(0));
    };
    runners.push_back(std::move(runner));
  };
  add("float_dense", "float32, dense", floats, PathRule::dense, true);
  add("float_zeros", "float32, by zeros", floats, PathRule::measured, true);
  add("int8_dense", "int8, dense", integers, PathRule::dense, false);
  add("int8_sparse", "int8, sparse everywhere", integers, PathRule::sparse, false);
  add("int8_zeros", "int8, by zeros", integers, PathRule::measured, false);
  return runners;
}

// One thread reads memory far beyond every cache.
double measured_bytes_per_second() {
  const std::vector<uint64_t> words(size_t{1} << 24, 1);  // 128 MiB
  std::vector<double> seconds;
  volatile uint64_t sum = 0;  // so that nothing is optimised away
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point start = Clock::now();
    sum = sum + read_all(words);
    seconds.push_back(seconds_since(start));
  }
  return static_cast<double>(words.size() * sizeof(uint64_t)) / median_of(std::move(seconds));
}

// The fastest that the dense int8 path gets, on a layer that suits it.
double measured_peak(int threads) {
  ConvolutionShape shape;
  shape.in_channels = shape.out_channels = 256;
  shape.in_rows = shape.in_columns = shape.out_rows = shape.out_columns = 28;
  shape.kernel_rows = shape.kernel_columns = 3;
  shape.pad_top = shape.pad_left = 1;
  const std::vector<int8_t> weights(static_cast<size_t>(256 * 256 * 9), 1);
  CodeOutput rule;
  rule.shift = 10;
  SparseConvolution<uint8_t> convolution(shape, weights, {}, rule, {});
  const std::vector<uint8_t> ones(static_cast<size_t>(256 * 28 * 28), 1);
  CompressedMap<uint8_t> input(28, 28, 256), output(28, 28, 256);
  compress(std::span<const uint8_t>(ones), ChannelOrder::last, input);
  RowWorkers workers(threads);
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    const Clock::time_point start = Clock::now();
    convolution.run(input, output, workers, ConvolutionPath::dense);
    seconds.push_back(seconds_since(start));
  }
  return 2.0 * static_cast<double>(convolution.dense_macs()) / median_of(std::move(seconds));
}

}  // namespace

double median_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds.at(seconds.size() / 2);
}

double BenchWay::median_s() const { return median_of(latency_s); }
double BenchWay::p99_s() const {
  std::vector<double> sorted = latency_s;
  std::sort(sorted.begin(), sorted.end());
  return sorted.at(std::min(sorted.size() - 1, sorted.size() * 99 / 100));
}
int64_t BenchWay::executed_macs() const { return deltahop::executed_macs(layers); }
int64_t BenchWay::weight_bytes() const {
  int64_t sum = 0;
  for (const LayerSum& layer : layers) sum += layer.layer.weight_bytes;
  return sum;
}
int64_t BenchWay::map_bytes() const {
  int64_t sum = 0;
  for (const LayerSum& layer : layers) sum += layer.input_bytes + layer.output_bytes;
  return sum;
}

const BenchWay& BenchResult::way(const std::string& key) const {
  const auto found =
      std::find_if(ways.begin(), ways.end(), [&](const BenchWay& way) { return way.key == key; });
  DELTAHOP_CHECK(found != ways.end());
  return *found;
}

const BenchWay& BenchResult::best_dense() const {
  const BenchWay* best = nullptr;
  for (const BenchWay& way : ways) {
    if (way.is_dense && (best == nullptr || way.median_s() < best->median_s())) best = &way;
  }
  return *best;
}

BenchResult run_bench(const IntegerModel& model, const Network& network, const Inputs& inputs,
                      SparseNetwork& integers, SparseNetwork& floats, const BenchSettings& settings,
                      const Progress& progress) {
  BenchResult result;
  result.inputs = inputs.size();
  result.dense_macs = dense_macs_of(network);
  std::vector<Runner> runners = make_runners(network, integers, floats, settings.threads);
  const IntegerExecutor executor(model, settings.threads);
  const int64_t timed = std::min(settings.timed, inputs.size());
  const auto is_timed = [&](int64_t i) {
    return i * timed / inputs.size() != (i + 1) * timed / inputs.size();
  };
  std::vector<std::vector<Tensor>> kept;
  // Every input once: answers and counts, and all memory warm.
  integers.set_count_macs(true);
  floats.set_count_macs(true);
  for (int64_t i = 0; i < inputs.size(); ++i) {
    Inputs::Loaded loaded = inputs.load(i);
    result.labelled += loaded.label ? 1 : 0;
    int64_t in_float = 0;
    for (Runner& runner : runners) {
      const Tensor scores = runner.run(loaded.tensors);
      const int64_t answer = best_class(scores);
      if (runner.engine == nullptr) in_float = answer;
      runner.way.agreeing += answer == in_float ? 1 : 0;
      runner.way.right += loaded.label == answer ? 1 : 0;
      add_layers(runner, false);
    }
    if (is_timed(i)) {
      const IntegerResult expected = executor.run(loaded.tensors, {.threads = settings.threads});
      for (const PathRule rule : {PathRule::dense, PathRule::sparse, PathRule::measured}) {
        integers.set_rule(rule);
        const IntegerResult codes = integers.run(loaded.tensors);
        for (size_t o = 0; o < expected.codes.size(); ++o) {
          result.compared += expected.codes[o].size();
          result.different += codes.codes[o] == expected.codes[o] ? 0 : expected.codes[o].size();
        }
      }
      kept.push_back(std::move(loaded.tensors));
    }
    report_progress(progress, "every input by every way", i + 1, inputs.size());
  }
  integers.set_count_macs(false);
  floats.set_count_macs(false);
  Random random(1);
  std::vector<size_t> order(runners.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (int64_t round = 0; round < settings.rounds; ++round) {
    std::vector<double> sums(runners.size(), 0.0);
    for (const std::vector<Tensor>& tensors : kept) {
      // In a new order each time, and once untimed before, so that nobody pays for what another left in the
      // caches.
      for (size_t r = order.size() - 1; r > 0; --r)
        std::swap(order[r], order[static_cast<size_t>(random.integer(0, static_cast<int64_t>(r)))]);
      for (const size_t r : order) {
        Runner& runner = runners[r];
        runner.run(tensors);
        const Clock::time_point start = Clock::now();
        runner.run(tensors);
        const double seconds = seconds_since(start);
        runner.way.latency_s.push_back(seconds);
        sums[r] += seconds;
        add_layers(runner, true);
      }
    }
    for (size_t r = 0; r < runners.size(); ++r) runners[r].way.rounds_s.push_back(sums[r]);
    report_progress(progress, "taking times", round + 1, settings.rounds);
  }
  for (Runner& runner : runners) result.ways.push_back(std::move(runner.way));
  result.peak_ops_per_second = measured_peak(settings.threads);
  result.bytes_per_second = measured_bytes_per_second();
  return result;
}

VideoRun run_video(const IntegerModel& model, const Inputs& inputs, const ChangeOptions& options, int threads,
                   const Progress& progress) {
  VideoRun run;
  run.options = options;
  run.frames = inputs.size();
  ChangeBasedNetwork video(model, options, threads);
  const RunOptions run_options{threads};
  std::vector<double> seconds, full_seconds;
  for (int64_t i = 0; i < inputs.size(); ++i) {
    const std::vector<Tensor> frame = inputs.load(i).tensors;
    Clock::time_point start = Clock::now();
    const IntegerResult full = video.executor().run(frame, run_options);
    full_seconds.push_back(seconds_since(start));
    start = Clock::now();
    const IntegerResult changed = video.step(frame, run_options);
    seconds.push_back(seconds_since(start));
    run.agreeing += best_class(full.values.at(0)) == best_class(changed.values.at(0)) ? 1 : 0;
    report_progress(progress, "by changes", i + 1, inputs.size());
  }
  run.layers = video.ledger();
  for (const ChangeLedger& entry : run.layers) run.total += entry;
  run.median_s = median_of(std::move(seconds));
  run.full_median_s = median_of(std::move(full_seconds));
  return run;
}

}  // namespace deltahop
