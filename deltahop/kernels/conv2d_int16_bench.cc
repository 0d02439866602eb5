// SPDX-License-Identifier: Apache-2.0
// Exact 16-bit convolution beside oneDNN's float convolution on the shapes of VGG-16.
//   deltahop_kernels_bench --benchmark_filter=vgg
#include <benchmark/benchmark.h>

#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/conv2d.h"

namespace deltahop {
namespace {

ConvolutionShape same_shape(int64_t in, int64_t out, int64_t size) {
  ConvolutionShape shape;
  shape.in_channels = in;
  shape.out_channels = out;
  shape.in_rows = shape.in_columns = shape.out_rows = shape.out_columns = size;
  shape.kernel_rows = shape.kernel_columns = 3;
  shape.pad_top = shape.pad_left = 1;
  return shape;
}

struct Case {
  const char* name;
  ConvolutionShape shape;
  int repeats;  // in the network
};

std::vector<Case> vgg16() {
  return {{"conv1_1", same_shape(3, 64, 224), 1},   {"conv1_2", same_shape(64, 64, 224), 1},
          {"conv2_1", same_shape(64, 128, 112), 1}, {"conv2_2", same_shape(128, 128, 112), 1},
          {"conv3_1", same_shape(128, 256, 56), 1}, {"conv3_2", same_shape(256, 256, 56), 2},
          {"conv4_1", same_shape(256, 512, 28), 1}, {"conv4_2", same_shape(512, 512, 28), 2},
          {"conv5", same_shape(512, 512, 14), 3}};
}

ConvolutionShape fully_connected(int64_t in, int64_t out) {
  ConvolutionShape shape;
  shape.in_channels = in;
  shape.out_channels = out;
  return shape;
}

// Weights are normal, scaled so that the largest fills the 16 bits; inputs are the positive half of such
// numbers.
template <class T>
std::vector<T> normal_numbers(int64_t count, bool rectified, uint64_t seed) {
  Random random(seed);
  std::vector<T> pool(65536), values(static_cast<size_t>(count));
  for (T& value : pool)
    value = static_cast<T>(rectified ? std::max(0.0, random.normal()) * 6500 : random.normal() * 6500);
  for (size_t i = 0; i < values.size(); ++i) values[i] = pool[(i * 40503) % 65521];
  return values;
}

void count_macs(benchmark::State& state, const ConvolutionShape& shape) {
  const double macs =
      static_cast<double>(shape.out_channels * shape.out_rows * shape.out_columns * shape.kernel_size());
  state.counters["GMAC/s"] = benchmark::Counter(macs * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

template <class In, class Out>
void run(benchmark::State& state, const ConvolutionShape& shape, int threads) {
  const auto input = normal_numbers<In>(shape.in_channels * shape.in_rows * shape.in_columns, true, 1);
  const auto weights = normal_numbers<In>(shape.out_channels * shape.kernel_size(), false, 2);
  std::vector<Out> output(static_cast<size_t>(shape.out_channels * shape.out_rows * shape.out_columns));
  const std::vector<Out> bias(static_cast<size_t>(shape.out_channels), Out{1});
  for (auto _ : state) {
    convolve(shape, input, weights, bias, output, threads);
    benchmark::DoNotOptimize(output.data());
  }
  count_macs(state, shape);
}

// All thirteen convolutions, one after the other: the time of one picture.
template <class In, class Out>
void run_all(benchmark::State& state, int threads) {
  int64_t largest_input = 0, largest_output = 0, largest_weights = 0;
  double macs = 0;
  for (const Case& one : vgg16()) {
    const ConvolutionShape& shape = one.shape;
    largest_input = std::max(largest_input, shape.in_channels * shape.in_rows * shape.in_columns);
    largest_output = std::max(largest_output, shape.out_channels * shape.out_rows * shape.out_columns);
    largest_weights = std::max(largest_weights, shape.out_channels * shape.kernel_size());
    macs += one.repeats * static_cast<double>(shape.out_channels * shape.out_rows * shape.out_columns *
                                              shape.kernel_size());
  }
  const auto input = normal_numbers<In>(largest_input, true, 1);
  const auto weights = normal_numbers<In>(largest_weights, false, 2);
  std::vector<Out> output(static_cast<size_t>(largest_output));
  for (auto _ : state) {
    for (const Case& one : vgg16()) {
      const ConvolutionShape& shape = one.shape;
      const auto sized = [](auto& values, int64_t count) {
        return std::span(values).first(static_cast<size_t>(count));
      };
      for (int repeat = 0; repeat < one.repeats; ++repeat) {
        convolve(shape, sized(input, shape.in_channels * shape.in_rows * shape.in_columns),
                 sized(weights, shape.out_channels * shape.kernel_size()), {},
                 sized(output, shape.out_channels * shape.out_rows * shape.out_columns), threads);
      }
    }
    benchmark::DoNotOptimize(output.data());
  }
  state.counters["GMAC/s"] = benchmark::Counter(macs * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

const int kRegistered = [] {
  for (const int threads : {1, 2}) {
    const std::string suffix = "/threads:" + std::to_string(threads);
    const auto add = [&](const std::string& name, auto function) {
      benchmark::RegisterBenchmark((name + suffix).c_str(), function)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    };
    add("vgg16/int16", [threads](benchmark::State& state) { run_all<int16_t, int64_t>(state, threads); });
    add("vgg16/float", [threads](benchmark::State& state) { run_all<float, float>(state, threads); });
    for (const Case& one : vgg16()) {
      const ConvolutionShape shape = one.shape;
      add(std::string("vgg16_layer/int16/") + one.name,
          [=](benchmark::State& state) { run<int16_t, int64_t>(state, shape, threads); });
      add(std::string("vgg16_layer/float/") + one.name,
          [=](benchmark::State& state) { run<float, float>(state, shape, threads); });
    }
    const ConvolutionShape fc6 = fully_connected(25088, 4096);
    add("fc6/int16", [=](benchmark::State& state) { run<int16_t, int64_t>(state, fc6, threads); });
    add("fc6/float", [=](benchmark::State& state) { run<float, float>(state, fc6, threads); });
    ConvolutionShape depthwise = same_shape(512, 512, 14);
    depthwise.groups = 512;
    add("depthwise/int16",
        [=](benchmark::State& state) { run<int16_t, int64_t>(state, depthwise, threads); });
    ConvolutionShape pointwise = fully_connected(64, 256);
    pointwise.in_rows = pointwise.in_columns = pointwise.out_rows = pointwise.out_columns = 56;
    add("pointwise/int16",
        [=](benchmark::State& state) { run<int16_t, int64_t>(state, pointwise, threads); });
    add("pointwise/float", [=](benchmark::State& state) { run<float, float>(state, pointwise, threads); });
  }
  return 0;
}();

}  // namespace
}  // namespace deltahop
