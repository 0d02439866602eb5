// SPDX-License-Identifier: Apache-2.0
// Reading and writing an ONNX file of VGG-16's size: 553 MB of weights, most of them in one tensor.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include "deltahop/io/load.h"
#include "deltahop/io/onnx.h"

namespace deltahop {
namespace {

Network large_network() {
  NetworkBuilder builder("large");
  const std::vector<Shape> shapes = {{4096, 25088},    {4096, 4096},     {1000, 4096},     {512, 512, 3, 3},
                                     {512, 512, 3, 3}, {512, 512, 3, 3}, {512, 512, 3, 3}, {512, 256, 3, 3}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    Tensor tensor = Tensor::zeros(DataType::float32, shapes[i]);
    for (float& value : tensor.values<float>()) value = 0.5f;
    builder.output(builder.constant(fmt::format("w{}", i), std::move(tensor)));
  }
  return builder.build();
}

std::filesystem::path temporary_path() {
  return std::filesystem::temp_directory_path() / fmt::format("deltahop_bench_{}.onnx", ::getpid());
}

void write_large_file(benchmark::State& state) {
  const Network network = large_network();
  for (auto _ : state) save_onnx(network, temporary_path());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(std::filesystem::file_size(temporary_path())));
  std::filesystem::remove(temporary_path());
}
BENCHMARK(write_large_file)->Unit(benchmark::kMillisecond)->UseRealTime();

// From the page cache: what is left is our own time.
void read_large_file(benchmark::State& state) {
  save_onnx(large_network(), temporary_path());
  for (auto _ : state) benchmark::DoNotOptimize(load_network(temporary_path().string()));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(std::filesystem::file_size(temporary_path())));
  std::filesystem::remove(temporary_path());
}
BENCHMARK(read_large_file)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace deltahop
