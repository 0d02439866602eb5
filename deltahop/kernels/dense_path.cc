// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/dense_path.h"

#include <algorithm>

#include "deltahop/kernels/conv2d.h"

namespace deltahop::sparse_blocks {

template <class T>
DensePath<T>::DensePath(const ConvolutionShape& shape, std::span<const Weight> weights) : shape_(shape) {
  if constexpr (std::is_same_v<T, float>) {
    floats_.emplace(shape, weights);
  } else if (has_byte_products()) {
    has_bytes_ = true;
    is_depthwise() ? pack_depthwise(weights) : pack_bytes(weights);
  } else {
    words_.assign(weights.begin(), weights.end());
  }
  image_rows_ = shape.in_rows;
  image_columns_ = shape.in_columns;
  if (has_bytes_) {
    image_rows_ =
        (shape.out_rows - 1) * shape.stride_rows + (shape.kernel_rows - 1) * shape.dilation_rows + 1;
    image_columns_ = (shape.out_columns - 1) * shape.stride_columns +
                     (shape.kernel_columns - 1) * shape.dilation_columns + 1;
  }
}

template <class T>
void DensePath<T>::pack_bytes(std::span<const Weight> weights) {
  int64_t total = 0;
  const int64_t columns = columns_read(shape_);
  for (int64_t block = 0; block * kBlock < shape_.out_channels; ++block) {
    const ChannelRange range = channels_read(shape_, block);
    Runs runs;
    runs.weights = total;
    const int64_t together = runs_span_columns() ? shape_.kernel_columns : 1;
    for (int64_t r = 0; r < shape_.kernel_rows; ++r) {
      for (int64_t s = 0; s < shape_.kernel_columns; s += together) {
        runs.offsets.push_back((r * shape_.dilation_rows * columns + s * shape_.dilation_columns) *
                                   shape_.in_channels +
                               range.begin);
      }
    }
    runs.quads = (together * range.size() + 3) / 4;
    total += static_cast<int64_t>(runs.offsets.size()) * runs.quads * 4 * kBlock;
    blocks_.push_back(std::move(runs));
  }
  std::fill_n(bytes_.reserve(total), total, int8_t{0});
  for (size_t block = 0; block < blocks_.size(); ++block) pack_block(weights, static_cast<int64_t>(block));
}

// Where there are fewer taps than whole quads the last ones lead to the first, with weights of zero.
template <class T>
void DensePath<T>::pack_depthwise(std::span<const Weight> weights) {
  const int64_t taps = shape_.kernel_rows * shape_.kernel_columns, quads = (taps + 3) / 4;
  const int64_t blocks = (shape_.out_channels + kBlock - 1) / kBlock, size = quads * 4 * kBlock;
  int8_t* const to = bytes_.reserve(blocks * size);
  std::fill_n(to, blocks * size, int8_t{0});
  for (int64_t block = 0; block < blocks; ++block) {
    Runs runs;
    runs.quads = quads;
    runs.weights = block * size;
    for (int64_t tap = 0; tap < 4 * quads; ++tap) {
      const int64_t r = tap < taps ? tap / shape_.kernel_columns : 0;
      const int64_t s = tap < taps ? tap % shape_.kernel_columns : 0;
      runs.offsets.push_back((r * shape_.dilation_rows * columns_read(shape_) + s * shape_.dilation_columns) *
                                 shape_.in_channels +
                             block * kBlock);
      for (int64_t i = 0; i < kBlock && tap < taps; ++i) {
        const int64_t k = block * kBlock + vnni::channel_of_sum(i);
        if (k >= shape_.out_channels) continue;
        to[runs.weights + (tap / 4 * kBlock + i) * 4 + tap % 4] =
            static_cast<int8_t>(weights[static_cast<size_t>(k * taps + tap)]);
      }
    }
    blocks_.push_back(std::move(runs));
  }
}

template <class T>
void DensePath<T>::pack_block(std::span<const Weight> weights, int64_t block) {
  const Runs& runs = blocks_[static_cast<size_t>(block)];
  const ChannelRange range = channels_read(shape_, block);
  const int64_t ins = shape_.in_channels_per_group(), taps = shape_.kernel_rows * shape_.kernel_columns;
  int8_t* const to = bytes_.data() + runs.weights;
  for (int64_t k = block * kBlock; k < std::min((block + 1) * kBlock, shape_.out_channels); ++k) {
    const int64_t first = k / shape_.out_channels_per_group() * ins - range.begin;
    for (int64_t c = 0; c < ins; ++c) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t run = runs_span_columns() ? tap / shape_.kernel_columns : tap;
        const int64_t before = runs_span_columns() ? tap % shape_.kernel_columns * ins : 0;
        const int64_t in_run = before + first + c;
        to[((run * runs.quads + in_run / 4) * kBlock + k % kBlock) * 4 + in_run % 4] =
            static_cast<int8_t>(weights[static_cast<size_t>((k * ins + c) * taps + tap)]);
      }
    }
  }
}

// One row of the image; without byte products it has no border.
template <class T>
void DensePath<T>::unpack_row(const CompressedMap<T>& map, int64_t row) {
  const int64_t channels = shape_.in_channels;
  const int64_t top = has_bytes_ ? shape_.pad_top : 0, left = has_bytes_ ? shape_.pad_left : 0;
  T* const to = image_.data() + row * image_columns_ * channels;
  const int64_t y = row - top;
  const bool is_there = y >= 0 && y < map.rows();
  const int64_t columns = is_there ? std::clamp<int64_t>(image_columns_ - left, 0, map.columns()) : 0;
  const int64_t begin = std::min(left, image_columns_) * channels;
  std::fill(to, to + begin, T{0});
  std::fill(to + begin + columns * channels, to + image_columns_ * channels, T{0});
  for (int64_t block = 0; columns > 0 && block < map.blocks(); ++block) {
    Unpacking<T> unpacking{map.bitmaps(block, y), map.values(block, y)};
    unpacking.columns = columns;
    unpacking.channels = std::min(kBlock, channels - block * kBlock);
    unpacking.stride = channels;
    unpacking.to = to + begin + block * kBlock;
    if constexpr (std::is_same_v<T, uint8_t>) {
      if (has_bytes_) {
        vnni::unpack(unpacking);
        continue;
      }
    }
    unpack(unpacking);
  }
}

template <class T>
void DensePath<T>::prepare(const CompressedMap<T>& map, RowWorkers& workers) {
  const int64_t size = image_rows_ * image_columns_ * shape_.in_channels;
  image_.reserve(size + kBlock);
  std::fill_n(image_.data() + size, kBlock, T{0});
  for_each(workers, image_rows_, [&](int64_t row, int) { unpack_row(map, row); });
  if (has_bytes_) return;
  all_.resize(static_cast<size_t>(shape_.out_rows * shape_.out_columns * shape_.out_channels));
  if constexpr (std::is_same_v<T, float>) {
    floats_->run({image_.data(), static_cast<size_t>(size)}, all_, workers.threads());
  } else {
    run_words(map, workers.threads());
  }
}

template <class T>
void DensePath<T>::run_words(const CompressedMap<T>& map, int threads) {
  std::vector<T> planes(static_cast<size_t>(map.rows() * map.columns() * map.channels()));
  expand(map, ChannelOrder::first, std::span<T>(planes));
  const std::vector<int16_t> words(planes.begin(), planes.end());
  std::vector<int64_t> sums(all_.size());
  convolve(shape_, words, words_, {}, sums, threads);
  const size_t pixels = static_cast<size_t>(shape_.out_rows * shape_.out_columns);
  const size_t channels = static_cast<size_t>(shape_.out_channels);
  for (size_t k = 0; k < channels; ++k) {
    for (size_t i = 0; i < pixels; ++i) all_[i * channels + k] = static_cast<Sum>(sums[k * pixels + i]);
  }
}

template <class T>
void DensePath<T>::sum(int64_t block, const Strip& strip, Sum* sums, std::vector<int64_t>& places) const {
  const int64_t count = (strip.end - strip.begin) * shape_.out_columns;
  if (!has_bytes_) {
    const int64_t channels = std::min(kBlock, shape_.out_channels - block * kBlock);
    const Sum* from = all_.data() + strip.begin * shape_.out_columns * shape_.out_channels + block * kBlock;
    for (int64_t i = 0; i < count; ++i, from += shape_.out_channels, sums += kBlock) {
      std::fill(std::copy(from, from + channels, sums), sums + kBlock, Sum{0});
    }
    return;
  }
  if constexpr (std::is_same_v<T, uint8_t>) {
    places.clear();
    for (int64_t p = strip.begin; p < strip.end; ++p) {
      for (int64_t q = 0; q < shape_.out_columns; ++q) {
        places.push_back((p * shape_.stride_rows * image_columns_ + q * shape_.stride_columns) *
                         shape_.in_channels);
      }
    }
    const Runs& runs = blocks_[static_cast<size_t>(block)];
    if (is_depthwise()) {
      return vnni::run(vnni::DepthwiseTile{image_.data(), runs.offsets.data(), runs.quads,
                                           bytes_.data() + runs.weights, places.data(), count, sums});
    }
    vnni::run(vnni::DenseTile{image_.data(), runs.offsets.data(), static_cast<int64_t>(runs.offsets.size()),
                              runs.quads, bytes_.data() + runs.weights, places.data(), count, sums});
  }
}

template class DensePath<uint8_t>;
template class DensePath<float>;

}  // namespace deltahop::sparse_blocks
