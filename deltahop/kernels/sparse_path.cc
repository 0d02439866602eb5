// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_path.h"

#include <algorithm>

#include "deltahop/kernels/delta_columns.h"

namespace deltahop::sparse_blocks {
namespace {

// Weights of the taps that run together: half a first-level cache of 48 KiB; sums and lists stream beside
// them.
constexpr int64_t kTapBytes = 24 << 10;

}  // namespace

template <class T>
int64_t SparsePath<T>::blocks_together(const ConvolutionShape& shape, bool has_bytes) {
  return std::is_same_v<T, uint8_t> && has_bytes && shape.groups == 1 ? 2 : 1;
}

template <class T>
SparsePath<T>::SparsePath(const ConvolutionShape& shape, std::span<const Weight> weights, bool has_bytes)
    : shape_(shape), has_bytes_(has_bytes) {
  const int64_t taps = shape.kernel_rows * shape.kernel_columns;
  ChannelRange last{-1, -1};
  const int64_t together = blocks_together(shape, has_bytes) * kBlock;
  for (int64_t first = 0; first < shape.out_channels; first += together) {
    const ChannelRange range = channels_read(shape, first / kBlock);
    Unit unit = units_.empty() ? Unit{} : units_.back();
    if (range != last) {  // without groups all blocks read the same
      unit.first_chunk = chunks_.size();
      for (int64_t c = range.begin; c < range.end; c += kChunk<T>) {
        chunks_.emplace_back().channels = {c, std::min(c + kChunk<T>, range.end)};
      }
      unit.chunks = chunks_.size() - unit.first_chunk;
      last = range;
    }
    unit.channels = shape.out_channels - first > kBlock ? together : kBlock;
    unit.weights = weight_count_;
    weight_count_ += range.size() * taps * unit.channels;
    units_.push_back(unit);
  }
  int64_t places[kBlock];
  for (int64_t k = 0; k < kBlock; ++k) places[k] = k;
  if constexpr (std::is_same_v<T, float>) {
    pack(weights, places, floats_);
  } else if (has_bytes) {
    for (int64_t k = 0; k < kBlock; ++k) places[k] = delta_columns::byte_of_row(k);
    pack(weights, places, bytes_);
  } else {
    word_order(places);
    pack(weights, places, words_);
  }
  for (int64_t r = 0; r < shape.kernel_rows; ++r) {
    for (int64_t s = 0; s < shape.kernel_columns; ++s) {
      taps_.push_back(r * shape.dilation_rows * columns_read(shape) + s * shape.dilation_columns);
    }
  }
  for (Chunk& chunk : chunks_) chunk.lists.prepare(shape, chunk.channels);
}

template <class T>
template <class W>
void SparsePath<T>::pack(std::span<const Weight> weights, const int64_t (&places)[kBlock],
                         Buffer<W>& packed) {
  W* const to = packed.reserve(weight_count_);
  std::fill(to, to + weight_count_, W{0});
  const int64_t taps = shape_.kernel_rows * shape_.kernel_columns, ins = shape_.in_channels_per_group();
  const int64_t together = blocks_together(shape_, has_bytes_) * kBlock;
  for (int64_t k = 0; k < shape_.out_channels; ++k) {
    const Unit& unit = units_[static_cast<size_t>(k / together)];
    const int64_t place = k % together / kBlock * kBlock + places[k % kBlock];
    const int64_t range_begin = chunks_[unit.first_chunk].channels.begin;
    const int64_t first = k / shape_.out_channels_per_group() * ins;
    for (int64_t c = 0; c < ins; ++c) {
      const int64_t in_range = first + c - range_begin, in_chunk = in_range % kChunk<T>;
      const ChannelRange& chunk =
          chunks_[unit.first_chunk + static_cast<size_t>(in_range / kChunk<T>)].channels;
      W* const row = to + unit.weights + ((in_range - in_chunk) * taps + in_chunk) * unit.channels;
      for (int64_t tap = 0; tap < taps; ++tap) {
        row[tap * chunk.size() * unit.channels + place] =
            weights[static_cast<size_t>((k * ins + c) * taps + tap)];
      }
    }
  }
}

template <class T>
void SparsePath<T>::prepare(const CompressedMap<T>& map, RowWorkers& workers) {
  const int64_t rows = rows_read(shape_);
  for_each(workers, static_cast<int64_t>(chunks_.size()) * rows, [&](int64_t i, int) {
    chunks_[static_cast<size_t>(i / rows)].lists.build_row(map, i % rows, has_bytes_);
  });
}

template <class T>
void SparsePath<T>::sum(int64_t index, const Strip& strip, Sum* sums) const {
  const Unit& unit = units_[static_cast<size_t>(index)];
  if constexpr (std::is_same_v<T, float>) {
    run_unit(unit, floats_.data(), strip, sums);
  } else if (has_bytes_) {
    run_unit(unit, bytes_.data(), strip, sums);
  } else {
    run_unit(unit, words_.data(), strip, sums);
  }
}

template <class T>
template <class W>
void SparsePath<T>::run_unit(const Unit& unit, const W* weights, const Strip& strip, Sum* sums) const {
  Pass<T, W, Sum> pass;
  pass.outputs = shape_.out_columns;
  pass.step = shape_.stride_columns;
  pass.sums = sums;
  if (unit.channels > kBlock) pass.others = sums + (strip.end - strip.begin) * shape_.out_columns * kBlock;
  pass.is_first = true;
  pass.weights = weights + unit.weights;
  for (size_t i = 0; i < unit.chunks; ++i) {
    const Chunk& chunk = chunks_[unit.first_chunk + i];
    pass.tap_weights = chunk.channels.size() * unit.channels;
    run_chunk(chunk, strip, pass);
    pass.weights += pass.tap_weights * static_cast<int64_t>(taps_.size());
    pass.is_first = false;
  }
}

// Some taps together, whose weights fit the first-level cache.
template <class T>
template <class W>
void SparsePath<T>::run_chunk(const Chunk& chunk, const Strip& strip, Pass<T, W, Sum> pass) const {
  constexpr int64_t kLine = 64 / sizeof(W);
  const int64_t taps = static_cast<int64_t>(taps_.size());
  const int64_t outputs = (strip.end - strip.begin) * shape_.out_columns;
  const W* const weights = pass.weights;
  Sum *const sums = pass.sums, *const others = pass.others;
  pass.values = chunk.lists.values();
  pass.offsets = chunk.lists.offsets();
  const int64_t together =
      std::max<int64_t>(kTapBytes / (pass.tap_weights * static_cast<int64_t>(sizeof(W))), 1);
  for (int64_t tap = 0; tap < taps; tap += together) {
    pass.taps = taps_.data() + tap;
    pass.tap_count = std::min(together, taps - tap);
    pass.weights = weights + tap * pass.tap_weights;
    // The weights of the next taps lie behind these.
    pass.ahead = pass.weights + pass.tap_count * pass.tap_weights;
    pass.lines_ahead = (pass.tap_count * pass.tap_weights / kLine + outputs - 1) / outputs;
    for (int64_t p = strip.begin; p < strip.end; ++p) {
      const int64_t first = (p - strip.begin) * shape_.out_columns * kBlock;
      pass.lists = chunk.lists.places() + p * shape_.stride_rows * chunk.lists.columns();
      pass.sums = sums + first;
      if (others != nullptr) pass.others = others + first;
      if constexpr (std::is_same_v<W, int8_t>) {
        vnni::run(pass);
      } else {
        run(pass);
      }
      pass.ahead += pass.outputs * pass.lines_ahead * kLine;
    }
    pass.is_first = false;
  }
}

template class SparsePath<uint8_t>;
template class SparsePath<float>;

}  // namespace deltahop::sparse_blocks
