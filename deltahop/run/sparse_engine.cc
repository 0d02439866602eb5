// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/sparse_engine.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace deltahop {
namespace {

// The share of products that must be left out for tiles to be asked whether they are zero, which takes up to
// two in a hundred of a narrow layer; and after how many inputs without asking one is asked again.
constexpr double kWorthTesting = 0.03;
constexpr int kMostUntested = 15;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Codes that are not negative are the same bytes whether they have a sign or not.
std::span<const uint8_t> as_kernel_sees(std::span<const int8_t> codes) {
  return {reinterpret_cast<const uint8_t*>(codes.data()), codes.size()};
}
std::span<uint8_t> as_kernel_sees(std::span<int8_t> codes) {
  return {reinterpret_cast<uint8_t*>(codes.data()), codes.size()};
}
std::span<const float> as_kernel_sees(std::span<const float> values) { return values; }
std::span<float> as_kernel_sees(std::span<float> values) { return values; }

bool has_negative(std::span<const int8_t> codes) {
  int8_t all = 0;
  for (const int8_t code : codes) all = static_cast<int8_t>(all | code);
  return all < 0;
}

}  // namespace

template <class T>
SparseEngine<T>::SparseEngine(const SparseOptions& sparse_options)
    : workers_(std::max(1, sparse_options.threads)) {
  options = sparse_options;
}

template <class T>
void SparseEngine<T>::prepare(const Network& network, const std::vector<Stage>& stages,
                              std::vector<SparseStep> steps) {
  network_ = &network;
  stages_ = &stages;
  steps_ = std::move(steps);
  slots_.resize(network.values().size());
  for (const SparseStep& step : steps_) {
    kernels_.emplace_back();
    rounders_.emplace_back();
    const Node& node = network.nodes()[stages[step.stages.back()].nodes[0]];
    if (step.kind == SparseStep::Kind::general) general_nodes.push_back(place_of(node));
    if (step.kind == SparseStep::Kind::add || step.kind == SparseStep::Kind::average_pool)
      rounders_.back() = rounder_for(step);
    if (step.kind != SparseStep::Kind::convolution) continue;
    kernels_.back() = kernel_for(step);
    kernels_.back().layer = layers.size();
    SparseLayer layer;
    layer.name = node.name;
    layer.shape = step.shape;
    layer.is_integer = kIsInteger;
    const SparseKernel<T>& kernel = kernels_.back();
    layer.weight_bytes = (kernel.direct ? *kernel.direct : *kernel.offset).weight_bytes();
    layer.dense_macs =
        step.shape.out_channels * step.shape.out_rows * step.shape.out_columns * step.shape.kernel_size();
    layers.push_back(std::move(layer));
  }
}

template <class T>
std::span<typename SparseEngine<T>::Dense> SparseEngine<T>::new_dense(ValueId id) {
  Slot& own = slot(id);
  own.dense.resize(static_cast<size_t>(size_of(id).size()));
  own.has_dense = true;
  return own.dense;
}

template <class T>
const typename SparseEngine<T>::Dense* SparseEngine<T>::dense_of(GeneralCode& general, ValueId id) {
  Slot& own = slot(id);
  if (own.has_dense) return own.dense.data();
  const bool has_map = own.has_map;
  const std::span<Dense> dense = new_dense(id);
  if (has_map)
    expand(own.map, ChannelOrder::last, as_kernel_sees(dense));
  else
    from_tensor(*general.values().get(id), size_of(id), dense.data());
  return dense.data();
}

template <class T>
const CompressedMap<T>& SparseEngine<T>::map_of(GeneralCode& general, ValueId id) {
  Slot& own = slot(id);
  if (own.has_map) return own.map;
  dense_of(general, id);
  const MapSize size = size_of(id);
  own.map.reshape(size.rows, size.columns, size.channels);
  compress(as_kernel_sees(std::span<const Dense>(own.dense)), ChannelOrder::last, own.map);
  own.has_map = true;
  return own.map;
}

template <class T>
void SparseEngine<T>::provide(GeneralCode& general, ValueId id) {
  if (id == kNoValue || general.values().has(id)) return;
  const Dense* const dense = dense_of(general, id);
  general.values().put(id, to_tensor(dense, size_of(id), *network_->value(id).shape));
}

template <class T>
void SparseEngine<T>::choose_path(SparseLayer& layer, int64_t zeros) const {
  layer.zeros = zeros;
  const bool skips = options.rule == PathRule::sparse ||
                     (options.rule == PathRule::measured && layer.zero_share() >= layer.break_even);
  layer.path = skips && !layer.offset_input ? ConvolutionPath::sparse : ConvolutionPath::dense;
}

template <class T>
void SparseEngine<T>::choose_path(const SparseStep& step, SparseLayer& layer) {
  const Slot& input = slot(step.inputs[0]);
  layer.inputs = size_of(step.inputs[0]).size();
  layer.input_bytes = layer.inputs * static_cast<int64_t>(sizeof(T));
  const bool may_skip = options.rule == PathRule::measured && layer.break_even <= 1 && !layer.offset_input;
  int64_t zeros = 0;
  if (may_skip || options.count_macs)
    zeros = input.has_map ? layer.inputs - input.map.nonzeros()
                          : tiled_blocks::count_zeros(std::span(input.dense));
  choose_path(layer, zeros);
}

template <class T>
void SparseEngine<T>::convolve(size_t at, GeneralCode& general) {
  const SparseStep& step = steps_[at];
  SparseKernel<T>& kernel = kernels_[at];
  SparseLayer& layer = layers[kernel.layer];
  const auto start = std::chrono::steady_clock::now();
  layer.offset_input = false;
  layer.left_out = 0;
  if (kIsInteger && !step.nonnegative_input) {
    if constexpr (kIsInteger)
      layer.offset_input = has_negative(
          {dense_of(general, step.inputs[0]), static_cast<size_t>(size_of(step.inputs[0]).size())});
  }
  if (kernel.tiled) {
    if (!slot(step.inputs[0]).has_map) dense_of(general, step.inputs[0]);
    choose_path(step, layer);
  }
  if (kernel.tiled && layer.path == ConvolutionPath::dense) {
    store_tiled(step, kernel, dense_of(general, step.inputs[0]), layer);
    layer.seconds = seconds_since(start);
    if (options.count_macs)
      layer.executed_macs = std::llround((1 - layer.left_out) *
                                         static_cast<double>(executed_macs(step, kernel, layer, nullptr)));
    return;
  }
  convolve_map(step, kernel, layer, general);
  layer.seconds = seconds_since(start);
  if (!options.count_macs) return;
  layer.executed_macs = executed_macs(step, kernel, layer, &map_of(general, step.inputs[0]));
}

template <class T>
void SparseEngine<T>::convolve_map(const SparseStep& step, SparseKernel<T>& kernel, SparseLayer& layer,
                                   GeneralCode& general) {
  const CompressedMap<T>* input = nullptr;
  if constexpr (kIsInteger) {
    if (layer.offset_input) {
      const Dense* const dense = dense_of(general, step.inputs[0]);
      scratch_.resize(static_cast<size_t>(kernel.padded.size()));
      offset_and_pad(dense, size_of(step.inputs[0]), step.shape.pad_top, step.shape.pad_left, kernel.padded,
                     scratch_.data());
      scratch_map_.reshape(kernel.padded.rows, kernel.padded.columns, kernel.padded.channels);
      compress(std::span<const T>(scratch_), ChannelOrder::last, scratch_map_);
      input = &scratch_map_;
    }
  }
  if (input == nullptr) input = &map_of(general, step.inputs[0]);
  layer.inputs = input->rows() * input->columns() * input->channels();
  layer.input_bytes = input->bytes();
  choose_path(layer, layer.inputs - input->nonzeros());
  SparseConvolution<T>& convolution = layer.offset_input ? *kernel.offset : *kernel.direct;
  if (step.relu && kernel.fold > 1)
    store_folded(step, kernel, convolution, *input, layer);
  else if (step.relu)
    store_relu(step, kernel, convolution, *input, layer);
  else
    store_sums(step, kernel, convolution, *input, layer);
}

template <class T>
int64_t SparseEngine<T>::executed_macs(const SparseStep& step, const SparseKernel<T>& kernel,
                                       const SparseLayer& layer, const CompressedMap<T>* input) const {
  const bool sparse = layer.path == ConvolutionPath::sparse;
  if (kernel.fold == 1) return sparse ? kernel.direct->executed_macs(*input) : kernel.direct->dense_macs();
  int64_t sum = 0;
  for (int64_t row = 0; row < step.shape.in_rows; ++row) {
    for (int64_t column = 0; column < step.shape.in_columns; ++column) {
      int64_t values = sparse ? 0 : step.shape.in_channels;
      for (int64_t block = 0; sparse && block < input->blocks(); ++block)
        values += std::popcount(input->bitmaps(block, row)[column]);
      sum += values * kernel.readers[static_cast<size_t>(row * step.shape.in_columns + column)];
    }
  }
  return sum * step.shape.out_channels;
}

template <class T>
void SparseEngine<T>::run_tiled(const SparseStep& step, SparseKernel<T>& kernel, const Dense* in,
                                bool has_negative, Dense* out, int64_t stride) {
  const MapSize size{step.shape.out_rows, step.shape.out_columns, step.shape.out_channels};
  Dense* to = out;
  if (step.pooling) {
    scratch_dense_.resize(static_cast<size_t>(size.size()));
    to = scratch_dense_.data();
  }
  SparseLayer& layer = layers[kernel.layer];
  const bool skips = options.rule == PathRule::measured &&
                     (kernel.left_out >= kWorthTesting || kernel.untested >= kMostUntested);
  kernel.untested = skips ? 0 : kernel.untested + 1;
  const int64_t left_out =
      kernel.tiled->run(reinterpret_cast<const T*>(in), has_negative, reinterpret_cast<T*>(to),
                        step.pooling ? size.channels : stride, workers_, skips);
  layer.left_out = static_cast<double>(left_out) / static_cast<double>(kernel.tiled->products());
  if (skips) kernel.left_out = layer.left_out;
  if (step.pooling && step.pooling->kind == Pooling::Kind::max)
    pool_maximum(to, size, *step.pooling, size_of(step.output), out, stride, workers_);
}

template <class T>
void SparseEngine<T>::store_tiled(const SparseStep& step, SparseKernel<T>& kernel, const Dense* in,
                                  SparseLayer& layer) {
  const bool averages = step.pooling && step.pooling->kind == Pooling::Kind::average;
  const MapSize size{step.shape.out_rows, step.shape.out_columns, step.shape.out_channels};
  layer.output_bytes = (averages ? size : size_of(step.output)).size() * static_cast<int64_t>(sizeof(T));
  if (averages) {
    run_tiled(step, kernel, in, layer.offset_input, nullptr, 0);
    return average(*step.pooling, kernel.average ? &*kernel.average : nullptr, scratch_dense_.data(), size,
                   step.output);
  }
  Dense* const out = new_dense(step.target).data() + step.first_channel;
  run_tiled(step, kernel, in, layer.offset_input, out, size_of(step.target).channels);
}

// Channels among those of others, which lie dense.
template <class T>
void SparseEngine<T>::store_beside(const SparseStep& step, SparseConvolution<T>& convolution,
                                   const CompressedMap<T>& input, SparseLayer& layer) {
  folded_map_.reshape(convolution.out_rows(), convolution.out_columns(), convolution.out_channels());
  convolution.run(input, folded_map_, workers_, layer.path);
  layer.output_bytes = folded_map_.bytes();
  const int64_t channels = convolution.out_channels(), stride = size_of(step.target).channels;
  const int64_t pixels = convolution.out_rows() * convolution.out_columns();
  scratch_dense_.resize(static_cast<size_t>(pixels * channels));
  expand(folded_map_, ChannelOrder::last, as_kernel_sees(std::span<Dense>(scratch_dense_)));
  Dense* const to = new_dense(step.target).data() + step.first_channel;
  for (int64_t i = 0; i < pixels; ++i)
    std::copy_n(scratch_dense_.data() + i * channels, channels, to + i * stride);
}

template <class T>
void SparseEngine<T>::store_relu(const SparseStep& step, SparseKernel<T>& kernel,
                                 SparseConvolution<T>& convolution, const CompressedMap<T>& input,
                                 SparseLayer& layer) {
  const bool averages = step.pooling && step.pooling->kind == Pooling::Kind::average;
  if (averages) {
    static_assert(sizeof(Dense) == sizeof(T));
    const MapSize size{convolution.out_rows(), convolution.out_columns(), convolution.out_channels()};
    CompressedMap<T>& map = slot(step.sums).map;  // nobody else holds the sums' value
    map.reshape(size.rows, size.columns, size.channels);
    convolution.run(input, map, workers_, layer.path);
    scratch_dense_.resize(static_cast<size_t>(size.size()));
    expand(map, ChannelOrder::last, as_kernel_sees(std::span<Dense>(scratch_dense_)));
    average(*step.pooling, kernel.average ? &*kernel.average : nullptr, scratch_dense_.data(), size,
            step.output);
    layer.output_bytes = map.bytes();
    return;
  }
  if (step.target != step.output) return store_beside(step, convolution, input, layer);
  Slot& target = slot(step.target);
  const MapSize size = size_of(step.target);
  target.map.reshape(size.rows, size.columns, size.channels);
  convolution.run(input, target.map, workers_, layer.path);
  target.has_map = true;
  layer.output_bytes = target.map.bytes();
}

template <class T>
void SparseEngine<T>::store_folded(const SparseStep& step, SparseKernel<T>& kernel,
                                   SparseConvolution<T>& convolution, const CompressedMap<T>& input,
                                   SparseLayer& layer) {
  folded_map_.reshape(convolution.out_rows(), convolution.out_columns(), convolution.out_channels());
  convolution.run(input, folded_map_, workers_, layer.path);
  layer.output_bytes = folded_map_.bytes();
  const MapSize size{step.shape.out_rows, step.shape.out_columns, step.shape.out_channels};
  scratch_dense_.resize(static_cast<size_t>(size.size()));
  const std::span<Dense> values = step.pooling ? std::span<Dense>(scratch_dense_) : new_dense(step.output);
  expand(folded_map_, ChannelOrder::last, as_kernel_sees(values));
  if (!step.pooling) return;
  if (step.pooling->kind == Pooling::Kind::average)
    return average(*step.pooling, kernel.average ? &*kernel.average : nullptr, values.data(), size,
                   step.output);
  const std::span<Dense> pooled = new_dense(step.output);
  pool_maximum(values.data(), size, *step.pooling, size_of(step.output), pooled.data(), size.channels,
               workers_);
}

template <class T>
void SparseEngine<T>::store_sums(const SparseStep& step, SparseKernel<T>& kernel,
                                 SparseConvolution<T>& convolution, const CompressedMap<T>& input,
                                 SparseLayer& layer) {
  const MapSize size{step.shape.out_rows, step.shape.out_columns, step.shape.out_channels};
  sums_.resize(static_cast<size_t>(size.size()));
  convolution.sums(input, sums_, workers_, layer.path);
  scratch_dense_.resize(sums_.size());
  const std::span<Dense> values = step.pooling ? std::span<Dense>(scratch_dense_) : new_dense(step.output);
  if constexpr (kIsInteger)
    kernel.rounder->round(sums_, values.data());
  else
    std::copy(sums_.begin(), sums_.end(), values.begin());
  layer.output_bytes = static_cast<int64_t>(values.size_bytes());
  if (!step.pooling) return;
  if (step.pooling->kind == Pooling::Kind::average)
    return average(*step.pooling, kernel.average ? &*kernel.average : nullptr, values.data(), size,
                   step.output);
  const std::span<Dense> pooled = new_dense(step.output);
  pool_maximum(values.data(), size, *step.pooling, size_of(step.output), pooled.data(), size.channels,
               workers_);
}

template class SparseEngine<uint8_t>;
template class SparseEngine<float>;

}  // namespace deltahop
