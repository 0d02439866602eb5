// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_path.h"

#include <algorithm>

#include "deltahop/kernels/delta_columns.h"

namespace deltahop::sparse_blocks {

template <class T>
SparsePath<T>::SparsePath(const ConvolutionShape& shape, std::span<const Weight> weights) : shape_(shape) {
  const int64_t taps = shape.kernel_rows * shape.kernel_columns;
  ChannelRange last{-1, -1};
  for (int64_t first = 0; first < shape.out_channels; first += kBlock) {
    const ChannelRange range = channels_read(shape, first / kBlock);
    Block block = blocks_.empty() ? Block{} : blocks_.back();
    if (range != last) {  // without groups all blocks read the same
      block.first_chunk = chunks_.size();
      for (int64_t c = range.begin; c < range.end; c += kChunk<T>) {
        chunks_.emplace_back().channels = {c, std::min(c + kChunk<T>, range.end)};
      }
      block.chunks = chunks_.size() - block.first_chunk;
      last = range;
    }
    block.weights = weight_count_;
    weight_count_ += range.size() * taps * kBlock;
    blocks_.push_back(block);
  }
  int64_t places[kBlock];
  for (int64_t k = 0; k < kBlock; ++k) places[k] = k;
  if constexpr (std::is_same_v<T, float>) {
    pack(weights, places, floats_);
  } else if (has_byte_products()) {
    has_bytes_ = true;
    for (int64_t k = 0; k < kBlock; ++k) places[k] = delta_columns::byte_of_row(k);
    pack(weights, places, bytes_);
  } else {
    word_order(places);
    pack(weights, places, words_);
  }
  for (int64_t s = 0; s < shape.kernel_columns; ++s) columns_.push_back(column_places(shape, s));
}

template <class T>
template <class W>
void SparsePath<T>::pack(std::span<const Weight> weights, const int64_t (&places)[kBlock],
                         Buffer<W>& packed) {
  W* const to = packed.reserve(weight_count_);
  std::fill(to, to + weight_count_, W{0});
  const int64_t taps = shape_.kernel_rows * shape_.kernel_columns, ins = shape_.in_channels_per_group();
  for (int64_t k = 0; k < shape_.out_channels; ++k) {
    const Block& block = blocks_[static_cast<size_t>(k / kBlock)];
    const int64_t range_begin = chunks_[block.first_chunk].channels.begin;
    const int64_t first = k / shape_.out_channels_per_group() * ins;
    for (int64_t c = 0; c < ins; ++c) {
      const int64_t in_range = first + c - range_begin, in_chunk = in_range % kChunk<T>;
      const ChannelRange& chunk =
          chunks_[block.first_chunk + static_cast<size_t>(in_range / kChunk<T>)].channels;
      W* const row = to + block.weights + ((in_range - in_chunk) * taps + in_chunk) * kBlock;
      for (int64_t tap = 0; tap < taps; ++tap) {
        row[tap * chunk.size() * kBlock + places[k % kBlock]] =
            weights[static_cast<size_t>((k * ins + c) * taps + tap)];
      }
    }
  }
}

template <class T>
void SparsePath<T>::prepare(const CompressedMap<T>& map, const std::vector<Strip>& strips,
                            RowWorkers& workers) {
  for (Chunk& chunk : chunks_) {
    chunk.lists.prepare(map, chunk.channels);
    chunk.strips.resize(strips.size());
  }
  const int64_t chunks = static_cast<int64_t>(chunks_.size()), rows = map.rows();
  for_each(workers, chunks * rows, [&](int64_t i, int) {
    chunks_[static_cast<size_t>(i / rows)].lists.build_row(map, i % rows, has_bytes_);
  });
  for_each(workers, chunks * static_cast<int64_t>(strips.size()), [&](int64_t i, int) {
    Chunk& chunk = chunks_[static_cast<size_t>(i) / strips.size()];
    const size_t strip = static_cast<size_t>(i) % strips.size();
    chunk.strips[strip].sort(shape_, strips[strip], chunk.lists);
  });
  rows_.clear();
  for (const Strip& strip : strips) {
    for (int64_t r = 0; r < shape_.kernel_rows; ++r) rows_.push_back(row_places(shape_, strip, r));
  }
}

template <class T>
void SparsePath<T>::sum(int64_t block, const std::vector<Strip>& strips, size_t strip, Sum* sums,
                        std::vector<Job>& jobs) const {
  const Block& from = blocks_[static_cast<size_t>(block)];
  const int64_t count = (strips[strip].end - strips[strip].begin) * shape_.out_columns * kBlock;
  std::fill(sums, sums + count, Sum{0});
  int64_t weights = from.weights;
  for (size_t i = 0; i < from.chunks; ++i) {
    const Chunk& chunk = chunks_[from.first_chunk + i];
    run_chunk(chunk, strip, weights, sums, jobs);
    weights += chunk.channels.size() * shape_.kernel_rows * shape_.kernel_columns * kBlock;
  }
}

template <class T>
void SparsePath<T>::run_chunk(const Chunk& chunk, size_t strip, int64_t weights, Sum* sums,
                              std::vector<Job>& jobs) const {
  for (int64_t r = 0; r < shape_.kernel_rows; ++r) {
    const int32_t* const rows =
        rows_[strip * static_cast<size_t>(shape_.kernel_rows) + static_cast<size_t>(r)].data();
    for (int64_t s = 0; s < shape_.kernel_columns; ++s) {
      const int32_t* const columns = columns_[static_cast<size_t>(s)].data();
      const auto run_with = [&](auto& packed) {
        using W = std::remove_cvref_t<decltype(*packed.data())>;
        run_tap<W>(
            chunk, strip, rows, columns,
            {nullptr, 0, 0, chunk.lists.values(), chunk.lists.offsets(), packed.data() + weights, sums},
            jobs);
      };
      if constexpr (std::is_same_v<T, float>) {
        run_with(floats_);
      } else if (has_bytes_) {
        run_with(bytes_);
      } else {
        run_with(words_);
      }
      weights += chunk.channels.size() * kBlock;
    }
  }
}

template <class T>
template <class W>
void SparsePath<T>::run_tap(const Chunk& chunk, size_t strip, const int32_t* rows, const int32_t* columns,
                            Pass<T, W, Sum> pass, std::vector<Job>& jobs) const {
  const SortedPixels& sorted = chunk.strips[strip];
  jobs.resize(sorted.pixels.size() + 1);
  // The next tap's weights lie behind this one's and are asked for while its jobs run.
  constexpr int64_t kLine = 64 / sizeof(W);
  const int64_t lines = chunk.channels.size() * kBlock / kLine;
  pass.ahead = pass.weights + lines * kLine;
  pass.lines_ahead = lines / std::max<int64_t>(static_cast<int64_t>(sorted.pixels.size()), 1) + 1;
  size_t i = 0;
  for (const SortedPixels::Class& same : sorted.classes) {
    Job* end = jobs.data();
    for (; i < same.end; ++i) {  // without a branch: which pixels have a place is as random as their order
      const SortedPixels::Pixel pixel = sorted.pixels[i];
      const int32_t place = rows[pixel.row] + columns[pixel.column];
      *end = {pixel.list, static_cast<uint32_t>(place)};
      end += place >= 0;
    }
    pass.jobs = jobs.data();
    pass.count = end - jobs.data();
    pass.groups = same.groups;
    const W* const end_ahead = pass.ahead + pass.count * pass.lines_ahead * kLine;
    if constexpr (std::is_same_v<W, int8_t>) {
      vnni::run(pass);
    } else {
      run(pass);
    }
    pass.ahead = end_ahead;
  }
}

template <class T>
int64_t SparsePath<T>::weight_bytes() const {
  if constexpr (std::is_same_v<T, float>) return weight_count_ * static_cast<int64_t>(sizeof(float));
  return weight_count_ * (has_bytes_ ? 1 : 2);
}

template class SparsePath<uint8_t>;
template class SparsePath<float>;

}  // namespace deltahop::sparse_blocks
