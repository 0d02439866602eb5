// SPDX-License-Identifier: Apache-2.0
// Speed of NullHop's models on VGG-16's layers with seeded random pixels: executed operations a second of the
// ticking model, and the time of the fast path and of the computed output for one picture.
#include <benchmark/benchmark.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/accelerators/nullhop/nullhop.h"
#include "deltahop/accelerators/nullhop/ticking.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

struct Vgg16Layer {
  int64_t in_channels, out_channels, size;
  bool pooled;
};
constexpr Vgg16Layer kVgg16[] = {{3, 64, 224, false},   {64, 64, 224, true},   {64, 128, 112, false},
                                 {128, 128, 112, true}, {128, 256, 56, false}, {256, 256, 56, false},
                                 {256, 256, 56, true},  {256, 512, 28, false}, {512, 512, 28, false},
                                 {512, 512, 28, true},  {512, 512, 14, false}, {512, 512, 14, false},
                                 {512, 512, 14, true}};

struct Data {
  FusedWorkload workload;
  Tensor input, weights, output;
  LayerTrace trace() const {
    LayerTrace trace;
    trace.name = "layer";
    trace.workload = workload;
    trace.input = &input;
    trace.weights = &weights;
    trace.output = &output;
    trace.input_format = trace.weight_format = trace.output_format = {16, 8, true};
    return trace;
  }
};

Tensor random_codes(Random& random, Shape shape, double density) {
  Tensor codes = Tensor::zeros(DataType::int16, std::move(shape));
  for (int16_t& value : codes.values<int16_t>())
    value = random.chance(density) ? static_cast<int16_t>(random.integer(1, 500)) : int16_t{0};
  return codes;
}

Data make_data(const Vgg16Layer& layer, double density) {
  Random random(7);
  Data data;
  ConvolutionShape& shape = data.workload.workload.shape;
  shape.in_channels = layer.in_channels;
  shape.out_channels = layer.out_channels;
  shape.in_rows = shape.in_columns = shape.out_rows = shape.out_columns = layer.size;
  shape.kernel_rows = shape.kernel_columns = 3;
  shape.pad_top = shape.pad_left = 1;
  data.workload.relu = true;
  if (layer.pooled) data.workload.pooling = Pooling{};
  data.input = random_codes(random, {1, layer.in_channels, layer.size, layer.size}, density);
  data.weights = random_codes(random, {layer.out_channels, layer.in_channels, 3, 3}, 1);
  const int64_t stored = layer.pooled ? layer.size / 2 : layer.size;
  data.output = random_codes(random, {1, layer.out_channels, stored, stored}, density);
  return data;
}

void ticking_with_arithmetic(benchmark::State& state) {
  const auto chip = make_accelerator("nullhop", {});
  const auto& config = dynamic_cast<const nullhop::Nullhop&>(*chip).config();
  const Data data = make_data(kVgg16[10], 0.3);
  int64_t macs = 0;
  for (auto _ : state) {
    Tensor output;
    macs += simulate_ticking(config, data.trace(), &output).macs_done;
  }
  state.counters["executed_macs"] =
      benchmark::Counter(static_cast<double>(macs), benchmark::Counter::kIsRate);
}
BENCHMARK(ticking_with_arithmetic)->Unit(benchmark::kMillisecond);

void fast_path_of_vgg16(benchmark::State& state) {
  const auto chip = make_accelerator("nullhop", {});
  std::vector<Data> layers;
  for (const Vgg16Layer& layer : kVgg16) layers.push_back(make_data(layer, 0.4));
  for (auto _ : state) {
    Stats stats;
    for (const Data& data : layers) stats += chip->simulate(data.trace());
    benchmark::DoNotOptimize(stats);
  }
}
BENCHMARK(fast_path_of_vgg16)->Unit(benchmark::kMillisecond);

void computed_output_of_vgg16(benchmark::State& state) {
  const auto chip = make_accelerator("nullhop", {});
  std::vector<Data> layers;
  for (const Vgg16Layer& layer : kVgg16) layers.push_back(make_data(layer, 0.4));
  for (auto _ : state) {
    for (const Data& data : layers) benchmark::DoNotOptimize(chip->compute(data.trace()));
  }
}
BENCHMARK(computed_output_of_vgg16)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace deltahop
