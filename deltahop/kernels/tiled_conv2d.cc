// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/tiled_conv2d.h"

#include <algorithm>
#include <atomic>

#include "deltahop/kernels/sparse_plan.h"

namespace deltahop {

using tiled_blocks::kGroup;
using tiled_blocks::kMostGroups;

namespace {

constexpr int kLargestShift = 22;  // 255 << 22, and half a step more, fits 31 bits
constexpr int64_t kPiecesPerThread = 3;
constexpr uint8_t kOffset = 128;  // that makes signed codes unsigned

// Rough times of an instruction on 16 sums, and around a pixel: only for whether threads are worth it.
constexpr double kSecondsPerStep = 0.3e-9;
constexpr double kSecondsPerPixel = 1e-9;

template <class T>
constexpr int64_t kStep = std::is_same_v<T, uint8_t> ? 4 : 1;  // values of one product

}  // namespace

std::optional<tiled_blocks::CodeWay> code_way(const CodeOutput& output) {
  if (output.overflow != Overflow::saturate || output.shift < 0 || output.shift > kLargestShift)
    return std::nullopt;
  tiled_blocks::CodeWay way;
  way.shift = output.shift;
  way.lowest = output.relu ? 0 : static_cast<int32_t>(output.format.lowest()) * (int32_t{1} << output.shift);
  way.highest = static_cast<int32_t>(output.format.highest()) << output.shift;
  if (output.shift == 0) return way;
  const int32_t half = int32_t{1} << (output.shift - 1);
  switch (output.rounding) {
    case Rounding::floor:
      break;
    case Rounding::toward_zero:
      way.added_to_negative = 2 * half - 1;
      break;
    case Rounding::half_up:
      way.added = half;
      break;
    case Rounding::half_away:
      way.added = half;
      way.added_to_negative = -1;
      break;
    case Rounding::half_even:
      way.added = half - 1;
      way.added_to_odd = 1;
      break;
  }
  if (way.lowest == 0) way.added_to_negative = 0;
  return way;
}

template <class T>
bool TiledConvolution<T>::can_run(const ConvolutionShape& shape, const Output& output) {
  if (shape.groups != 1 || shape.batch != 1) return false;
  if constexpr (std::is_same_v<T, uint8_t>)
    return sparse_blocks::has_byte_products() && code_way(output).has_value();
  return true;
}

template <class T>
TiledConvolution<T>::TiledConvolution(const ConvolutionShape& shape, std::span<const Weight> weights,
                                      std::span<const Sum> bias, const Output& output)
    : shape_(shape) {
  DELTAHOP_CHECK(can_run(shape, output));
  DELTAHOP_CHECK(static_cast<int64_t>(weights.size()) == shape.out_channels * shape.kernel_size());
  if constexpr (std::is_same_v<T, uint8_t>)
    way_ = *code_way(output);
  else
    way_.relu = output.relu;
  const int64_t channels = shape.in_channels;
  image_rows_ = sparse_blocks::rows_read(shape);
  image_columns_ = sparse_blocks::columns_read(shape);
  needs_image_ = shape.pad_top > 0 || shape.pad_left > 0 || image_rows_ > shape.in_rows ||
                 image_columns_ > shape.in_columns || channels % kStep<T> != 0;
  if (!needs_image_) image_columns_ = shape.in_columns;
  const int64_t together = shape.dilation_columns == 1 ? shape.kernel_columns : 1;
  run_bytes_ = together * channels;
  run_steps_ = (run_bytes_ + kStep<T> - 1) / kStep<T>;
  for (int64_t r = 0; r < shape.kernel_rows; ++r) {
    for (int64_t s = 0; s < shape.kernel_columns; s += together)
      runs_.push_back((r * shape.dilation_rows * image_columns_ + s * shape.dilation_columns) * channels);
  }
  for (int64_t p = 0; p < shape.out_rows; ++p) {
    for (int64_t q = 0; q < shape.out_columns; ++q)
      places_.push_back((p * shape.stride_rows * image_columns_ + q * shape.stride_columns) * channels);
  }
  int64_t total = 0;
  const int64_t steps = static_cast<int64_t>(runs_.size()) * run_steps_;
  for (int64_t first = 0; first < shape.out_channels; first += kMostGroups * kGroup) {
    const int64_t groups = std::min(kMostGroups, (shape.out_channels - first + kGroup - 1) / kGroup);
    blocks_.push_back({first, groups, total});
    total += steps * groups * kGroup * kStep<T>;
  }
  const int64_t pixel_steps = total / (kGroup * kStep<T>);
  seconds_ = static_cast<double>(places_.size()) *
             (kSecondsPerStep * static_cast<double>(pixel_steps) + kSecondsPerPixel);
  std::fill_n(weights_.reserve(total), total, Weight{0});
  pack(weights);
  bias_.assign(static_cast<size_t>((shape.out_channels + kGroup - 1) / kGroup * kGroup), Sum{0});
  std::copy(bias.begin(), bias.end(), bias_.begin());
  bias_of_signed_ = bias_;
  const auto each = static_cast<size_t>(shape.kernel_size());
  for (size_t i = 0; i < weights.size(); ++i)
    bias_of_signed_[i / each] -= static_cast<Sum>(kOffset) * static_cast<Sum>(weights[i]);
}

template <class T>
void TiledConvolution<T>::pack(std::span<const Weight> weights) {
  const int64_t ins = shape_.in_channels, taps = shape_.kernel_rows * shape_.kernel_columns;
  const int64_t together = shape_.dilation_columns == 1 ? shape_.kernel_columns : 1;
  for (int64_t k = 0; k < shape_.out_channels; ++k) {
    const Block& block = blocks_[static_cast<size_t>(k / (kMostGroups * kGroup))];
    for (int64_t c = 0; c < ins; ++c) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t in_run = tap % together * ins + c;
        const int64_t step = tap / together * run_steps_ + in_run / kStep<T>;
        const int64_t column = step * block.groups * kGroup + k - block.first;
        weights_.data()[block.weights + column * kStep<T> + in_run % kStep<T>] =
            weights[static_cast<size_t>((k * ins + c) * taps + tap)];
      }
    }
  }
}

// The input inside its border; signed codes plus 128. The border is written once.
template <class T>
const T* TiledConvolution<T>::padded(const T* input, bool has_negative) {
  if (!needs_image_ && !has_negative) return input;
  const int64_t channels = shape_.in_channels, row = image_columns_ * channels;
  const int64_t top = shape_.pad_top, left = shape_.pad_left;
  const int64_t size = image_rows_ * row + kStep<T>;  // the last run may reach beyond
  if (image_is_signed_ != has_negative) {
    std::fill_n(image_.reserve(size), size, has_negative ? static_cast<T>(kOffset) : T{0});
    image_is_signed_ = has_negative;
  }
  const int64_t rows = std::min(shape_.in_rows, image_rows_ - top);
  const int64_t count = std::min(shape_.in_columns, image_columns_ - left) * channels;
  for (int64_t y = 0; y < rows && count > 0; ++y) {
    const T* const from = input + y * shape_.in_columns * channels;
    T* const to = image_.data() + (y + top) * row + left * channels;
    if (!has_negative) {
      std::copy_n(from, count, to);
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      for (int64_t i = 0; i < count; ++i) to[i] = from[i] ^ kOffset;
    }
  }
  return image_.data();
}

template <class T>
int64_t TiledConvolution<T>::products() const {
  return static_cast<int64_t>(places_.size() * runs_.size()) * run_bytes_ * shape_.out_channels;
}

template <class T>
int64_t TiledConvolution<T>::run(const T* input, bool has_negative, T* output, int64_t stride,
                                 RowWorkers& workers, bool skips) {
  const T* const image = padded(input, has_negative && std::is_same_v<T, uint8_t>);
  const std::vector<Sum>& bias = has_negative && std::is_same_v<T, uint8_t> ? bias_of_signed_ : bias_;
  const int64_t pieces = !workers.are_worth(seconds_)
                             ? 1
                             : std::min<int64_t>(kPiecesPerThread * workers.threads(), shape_.out_rows);
  const int64_t blocks = static_cast<int64_t>(blocks_.size());
  std::atomic<int64_t> left_out{0};
  const auto run_piece = [&](int64_t i) {
    const Block& block = blocks_[static_cast<size_t>(i / pieces)];
    const int64_t piece = i % pieces, columns = shape_.out_columns;  // whole rows
    const int64_t begin = shape_.out_rows * piece / pieces * columns;
    tiled_blocks::Tile<T> tile;
    tile.image = image;
    tile.places = places_.data() + begin;
    tile.pixels = shape_.out_rows * (piece + 1) / pieces * columns - begin;
    tile.runs = runs_.data();
    tile.run_count = static_cast<int64_t>(runs_.size());
    tile.run_steps = run_steps_;
    tile.run_bytes = run_bytes_;
    tile.columns = columns;
    tile.step = shape_.stride_columns * shape_.in_channels;
    tile.skips = skips && !has_negative;
    tile.groups = block.groups;
    tile.weights = weights_.data() + block.weights;
    tile.bias = bias.data() + block.first;
    tile.to = output + begin * stride + block.first;
    tile.stride = stride;
    tile.channels = std::min(shape_.out_channels - block.first, block.groups * kGroup);
    tile.way = way_;
    left_out.fetch_add(tiled_blocks::run(tile) * tile.channels, std::memory_order_relaxed);
  };
  if (pieces == 1) {
    for (int64_t i = 0; i < blocks; ++i) run_piece(i);
  } else {
    sparse_blocks::for_each(workers, blocks * pieces, [&](int64_t i, int) { run_piece(i); });
  }
  return left_out.load(std::memory_order_relaxed) * run_bytes_;
}

template class TiledConvolution<uint8_t>;
template class TiledConvolution<float>;

}  // namespace deltahop
