// SPDX-License-Identifier: Apache-2.0
// Layers that move or change every element once, on the largest feature map of VGG-16 (64x224x224, 12.8 MB):
// each is held against copying the same bytes, which is what memory allows.
//   ninja deltahop_network_bench && bin/deltahop_network_bench
#include <benchmark/benchmark.h>

#include "deltahop/network/layer_testing.h"

namespace deltahop {
namespace {

const Shape kMap = {1, 64, 224, 224};

Tensor feature_map(Shape shape = kMap) {
  Random random(1);
  return random_tensor(random, std::move(shape));
}

void run(benchmark::State& state, const std::string& name, const Attributes& attributes,
         const std::vector<Tensor>& inputs, int outputs = 1) {
  const auto layer = made_layer(name, attributes, inputs.size(), outputs);
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  for (auto unused : state) benchmark::DoNotOptimize(layer->forward(pointers, {}));
  state.SetBytesProcessed(state.iterations() * inputs[0].bits().number() / 8);
}

Tensor axes(const Integers& values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

void copying(benchmark::State& state) {
  const Tensor map = feature_map();
  for (auto unused : state) benchmark::DoNotOptimize(Tensor(map));
  state.SetBytesProcessed(state.iterations() * map.bits().number() / 8);
}
BENCHMARK(copying);

void relu(benchmark::State& state) { run(state, "Relu", {}, {feature_map()}); }
void clip(benchmark::State& state) {
  run(state, "Clip", {}, {feature_map(), Tensor::scalar(0.0f), Tensor::scalar(6.0f)});
}
void sigmoid(benchmark::State& state) { run(state, "Sigmoid", {}, {feature_map()}); }
void add_map(benchmark::State& state) { run(state, "Add", {}, {feature_map(), feature_map()}); }
void add_channel_bias(benchmark::State& state) {
  run(state, "Add", {}, {feature_map(), feature_map({64, 1, 1})});
}
void multiply_by_scalar(benchmark::State& state) {
  run(state, "Mul", {}, {feature_map(), Tensor::scalar(0.5f)});
}
void mean_of_planes(benchmark::State& state) {
  run(state, "ReduceMean", {{"axes", Integers{2, 3}}}, {feature_map()});
}
void mean_of_channels(benchmark::State& state) {
  run(state, "ReduceMean", {{"axes", Integers{1}}}, {feature_map()});
}
void to_channels_last(benchmark::State& state) {
  run(state, "Transpose", {{"perm", Integers{0, 2, 3, 1}}}, {feature_map()});
}
void swap_rows_and_columns(benchmark::State& state) {
  run(state, "Transpose", {{"perm", Integers{0, 1, 3, 2}}}, {feature_map()});
}
void concat_channels(benchmark::State& state) {
  run(state, "Concat", {{"axis", int64_t{1}}}, {feature_map(), feature_map()});
}
void split_channels(benchmark::State& state) {
  run(state, "Split", {{"axis", int64_t{1}}}, {feature_map()}, 2);
}
void slice_border(benchmark::State& state) {
  run(state, "Slice", {}, {feature_map(), axes({1, 1}), axes({-1, -1}), axes({2, 3})});
}
void pad_border(benchmark::State& state) {
  run(state, "Pad", {}, {feature_map(), axes({0, 0, 1, 1, 0, 0, 1, 1})});
}
void expand_channels(benchmark::State& state) {
  run(state, "Expand", {}, {feature_map({64, 1, 1}), axes({1, 64, 224, 224})});
}
void argmax_of_channels(benchmark::State& state) {
  run(state, "ArgMax", {{"axis", int64_t{1}}}, {feature_map()});
}

BENCHMARK(relu);
BENCHMARK(clip);
BENCHMARK(sigmoid);
BENCHMARK(add_map);
BENCHMARK(add_channel_bias);
BENCHMARK(multiply_by_scalar);
BENCHMARK(mean_of_planes);
BENCHMARK(mean_of_channels);
BENCHMARK(to_channels_last);
BENCHMARK(swap_rows_and_columns);
BENCHMARK(concat_channels);
BENCHMARK(split_channels);
BENCHMARK(slice_border);
BENCHMARK(pad_border);
BENCHMARK(expand_channels);
BENCHMARK(argmax_of_channels);

}  // namespace
}  // namespace deltahop
