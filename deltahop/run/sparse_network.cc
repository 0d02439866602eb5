// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/sparse_network.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/random.h"
#include "deltahop/run/call_time.h"
#include "deltahop/run/sparse_engine.h"

namespace deltahop {
namespace {

constexpr size_t kRounds = 7;
constexpr double kLeastSeconds = 100e-6;  // of one measurement
constexpr double kUsualZeros = 0.5;       // of the maps that the dense path is measured with
constexpr double kWorthwhile = 0.97;      // of the dense time: what skipping zeros must stay below
constexpr int64_t kVariety = 1 << 18;  // values of maps that take turns, so that no branch is learnt by heart

// Others on the same processors only ever add: the second fastest of the rounds, for both paths alike.
double undisturbed(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[1];
}

// A map both ways.
template <class T>
struct RandomMap {
  std::vector<T> dense;
  CompressedMap<T> map;
};

template <class T>
RandomMap<T> random_map(Random& random, const MapSize& size, double zero_share) {
  RandomMap<T> both{std::vector<T>(static_cast<size_t>(size.size()), T{0}),
                    CompressedMap<T>(size.rows, size.columns, size.channels)};
  for (T& value : both.dense) {
    if (!random.chance(zero_share)) value = static_cast<T>(random.integer(1, 127));
  }
  compress(std::span<const T>(both.dense), ChannelOrder::last, both.map);
  return both;
}

}  // namespace

double BreakEvenCurve::break_even() const {
  const double limit = kWorthwhile * dense_s;
  if (points.empty() || points.back().sparse_s >= limit) return 2;
  // From the right: the point beyond which sparse is the faster one all the way.
  for (size_t i = points.size() - 1; i > 0; --i) {
    const Point& left = points[i - 1];
    const Point& right = points[i];
    if (left.sparse_s < limit) continue;
    const double share = (left.sparse_s - limit) / (left.sparse_s - right.sparse_s);
    return left.zero_share + share * (right.zero_share - left.zero_share);
  }
  return 0;
}

template <class T>
BreakEvenCurve SparseEngine<T>::measure(size_t layer, const std::vector<double>& zero_shares) {
  size_t at = 0;
  while (steps_[at].kind != SparseStep::Kind::convolution || kernels_[at].layer != layer) ++at;
  const SparseStep& step = steps_[at];
  SparseKernel<T>& kernel = kernels_[at];
  SparseConvolution<T>& convolution = *kernel.direct;
  const MapSize size{step.shape.in_rows, step.shape.in_columns, step.shape.in_channels};
  CompressedMap<T> output(convolution.out_rows(), convolution.out_columns(), convolution.out_channels());
  const int64_t out_size = step.shape.out_rows * step.shape.out_columns * step.shape.out_channels;
  sums_.resize(static_cast<size_t>(out_size));
  std::vector<Dense> dense_output(static_cast<size_t>(out_size));
  const auto run_once = [&](RandomMap<T>& input, ConvolutionPath path) {
    if (kernel.tiled && path == ConvolutionPath::dense)
      return run_tiled(step, kernel, reinterpret_cast<const Dense*>(input.dense.data()), false,
                       dense_output.data(), step.shape.out_channels);
    // Beside tiles, maps are dense more often than not.
    if (kernel.tiled) compress(std::span<const T>(input.dense), ChannelOrder::last, input.map);
    if (step.relu)
      convolution.run(input.map, output, workers_, path);
    else
      convolution.sums(input.map, sums_, workers_, path);
  };
  Random random(1);
  const int64_t count = std::clamp<int64_t>(kVariety / size.size(), 2, 16);
  using Maps = std::vector<RandomMap<T>>;
  const auto maps_with = [&](double share) {
    Maps maps;
    for (int64_t i = 0; i < count; ++i) maps.push_back(random_map<T>(random, size, share));
    return maps;
  };
  size_t next = 0;
  const auto seconds_with = [&](Maps& maps, ConvolutionPath path) {
    return seconds_of_call(kLeastSeconds, [&] { run_once(maps[next++ % maps.size()], path); });
  };
  std::vector<Maps> maps;
  for (const double share : zero_shares) maps.push_back(maps_with(share));
  Maps usual = maps_with(kUsualZeros);
  std::vector<double> dense;
  std::vector<std::vector<double>> sparse(maps.size());
  for (size_t round = 0; round < kRounds; ++round) {  // in turn, so that a slow moment falls on all
    dense.push_back(seconds_with(usual, ConvolutionPath::dense));
    for (size_t i = 0; i < maps.size(); ++i)
      sparse[i].push_back(seconds_with(maps[i], ConvolutionPath::sparse));
  }
  BreakEvenCurve curve{undisturbed(dense), {}};
  for (size_t i = 0; i < maps.size(); ++i) curve.points.push_back({zero_shares[i], undisturbed(sparse[i])});
  return curve;
}

template BreakEvenCurve SparseEngine<uint8_t>::measure(size_t, const std::vector<double>&);
template BreakEvenCurve SparseEngine<float>::measure(size_t, const std::vector<double>&);

SparseNetwork::SparseNetwork(IntegerModel model, const SparseOptions& options)
    : engine_(integer_engine(std::move(model), options)) {}
SparseNetwork::SparseNetwork(Network network, const SparseOptions& options)
    : engine_(float_engine(std::move(network), options)) {}
SparseNetwork::SparseNetwork(SparseNetwork&&) noexcept = default;
SparseNetwork::~SparseNetwork() = default;

IntegerResult SparseNetwork::run(const std::vector<Tensor>& inputs) { return engine_->run(inputs); }
void SparseNetwork::set_rule(PathRule rule) { engine_->options.rule = rule; }
void SparseNetwork::set_count_macs(bool count) { engine_->options.count_macs = count; }
const std::vector<SparseLayer>& SparseNetwork::layers() const { return engine_->layers; }
void SparseNetwork::set_break_even(size_t layer, double zero_share) {
  engine_->layers.at(layer).break_even = zero_share;
}
BreakEvenCurve SparseNetwork::measure(size_t layer, const std::vector<double>& zero_shares) {
  return engine_->measure(layer, zero_shares);
}
const std::vector<std::string>& SparseNetwork::general_nodes() const { return engine_->general_nodes; }
double SparseNetwork::other_seconds() const { return engine_->other_seconds; }

}  // namespace deltahop
