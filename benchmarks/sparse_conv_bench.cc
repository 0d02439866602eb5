// SPDX-License-Identifier: Apache-2.0
// One shape of convolution by the kernels that skip zeros and by the dense ones behind the same call; driven
// by benchmarks/peers/sparse_conv.py beside another engine, or by hand:
//   echo 'sparse int8 0.8' | sparse_conv_bench IN OUT SIZE KERNEL STRIDE GROUPS LAYERS THREADS
// Commands, a line each: sparse|dense int8|float SPARSITY. Each answers with a JSON line: seconds a layer.
//
// LAYERS different layers of that shape take the same map in turn, so that weights come from the memory they
// come from in a network. Timed is a whole layer, compressed map to compressed map: lists, sums, bias,
// rounding, ReLU and compression. Which activations are zero is drawn at random.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/sparse_conv2d.h"

namespace {

using namespace deltahop;
using Clock = std::chrono::steady_clock;

constexpr double kLeastSeconds = 0.03;  // rounds are repeated for this long, and their median counts

ConvolutionShape shape_of(const std::vector<int64_t>& numbers) {
  ConvolutionShape shape;
  shape.in_channels = numbers[0];
  shape.out_channels = numbers[1];
  shape.in_rows = shape.in_columns = numbers[2];
  shape.kernel_rows = shape.kernel_columns = numbers[3];
  shape.stride_rows = shape.stride_columns = numbers[4];
  shape.groups = numbers[5];
  shape.pad_top = shape.pad_left = numbers[3] / 2;
  shape.out_rows = shape.out_columns = (numbers[2] + 2 * (numbers[3] / 2) - numbers[3]) / numbers[4] + 1;
  return shape;
}

double median_seconds(const std::function<void()>& round) {
  round();
  std::vector<double> times;
  for (double total = 0; total < kLeastSeconds; total += times.back()) {
    const Clock::time_point start = Clock::now();
    round();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <class T>
class Layers {
 public:
  Layers(const ConvolutionShape& shape, int count)
      : shape_(shape), input_(shape.in_rows, shape.in_columns, shape.in_channels) {
    using Layer = SparseConvolution<T>;
    Random random(1);
    typename Layer::Output output;
    if constexpr (Layer::kIsInteger) output = {.shift = 12};
    for (int i = 0; i < count; ++i) {
      std::vector<typename Layer::Weight> weights(
          static_cast<size_t>(shape.out_channels * shape.kernel_size()));
      for (auto& w : weights) w = static_cast<typename Layer::Weight>(random.uniform(-127, 127));
      layers_.emplace_back(shape, weights,
                           std::vector<typename Layer::Sum>(static_cast<size_t>(shape.out_channels)), output,
                           MaximumPooling{});
    }
    output_.reshape(shape.out_rows, shape.out_columns, shape.out_channels);
  }

  std::string run(ConvolutionPath path, double sparsity, RowWorkers& workers) {
    Random random(2);
    std::vector<T> dense(static_cast<size_t>(shape_.in_rows * shape_.in_columns * shape_.in_channels));
    for (T& x : dense) x = random.chance(sparsity) ? T{0} : static_cast<T>(random.integer(1, 127));
    compress(std::span<const T>(dense), ChannelOrder::last, input_);
    const double seconds = median_seconds([&] {
                             for (auto& layer : layers_) layer.run(input_, output_, workers, path);
                           }) /
                           static_cast<double>(layers_.size());
    std::ostringstream answer;
    answer << "{\"seconds\": " << seconds << ", \"executed_macs\": "
           << (path == ConvolutionPath::sparse ? layers_[0].executed_macs(input_) : layers_[0].dense_macs())
           << ", \"dense_macs\": " << layers_[0].dense_macs() << "}";
    return answer.str();
  }

 private:
  ConvolutionShape shape_;
  CompressedMap<T> input_, output_;
  std::vector<SparseConvolution<T>> layers_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::cerr << "usage: sparse_conv_bench IN OUT SIZE KERNEL STRIDE GROUPS LAYERS THREADS\n";
    return 2;
  }
  std::vector<int64_t> numbers;
  for (int i = 1; i < argc; ++i) numbers.push_back(std::atoll(argv[i]));
  const ConvolutionShape shape = shape_of(numbers);
  Layers<uint8_t> integers(shape, static_cast<int>(numbers[6]));
  Layers<float> floats(shape, static_cast<int>(numbers[6]));
  RowWorkers workers(static_cast<int>(numbers[7]));
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    std::istringstream words(line);
    std::string path, type;
    double sparsity = 0;
    words >> path >> type >> sparsity;
    const ConvolutionPath chosen = path == "sparse" ? ConvolutionPath::sparse : ConvolutionPath::dense;
    std::cout << (type == "int8" ? integers.run(chosen, sparsity, workers)
                                 : floats.run(chosen, sparsity, workers))
              << std::endl;
  }
  return 0;
}
