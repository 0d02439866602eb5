// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/sparse_plan.h"

#include <algorithm>
#include <limits>

namespace deltahop::sparse_blocks {
namespace {

// A strip's sums: a quarter of a second-level cache of 1 MiB.
constexpr int64_t kStripBytes = 256 << 10;
// Pieces of work for each thread where there are several, so that none waits long for the others.
constexpr int64_t kPiecesPerThread = 3;

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

ChannelRange channels_read(const ConvolutionShape& shape, int64_t block) {
  const int64_t outs = shape.out_channels_per_group(), ins = shape.in_channels_per_group();
  const int64_t first = block * kBlock, last = std::min(first + kBlock, shape.out_channels) - 1;
  return {first / outs * ins, (last / outs + 1) * ins};
}

std::vector<Strip> cut_into_strips(const ConvolutionShape& shape, const MaximumPooling& pooling,
                                   int64_t channels, int64_t sum_bytes, int threads) {
  const int64_t stored = pooling.exists() ? pooling.out_rows : shape.out_rows;
  const int64_t row_bytes = std::max<int64_t>(shape.out_columns * channels * sum_bytes, 1);
  const int64_t rows_each = std::max<int64_t>(kStripBytes / row_bytes, 1);
  int64_t count = ceil_divide(shape.out_rows, rows_each);
  const int64_t blocks = ceil_divide(shape.out_channels, channels);
  if (threads > 1) count = std::max(count, ceil_divide(kPiecesPerThread * threads, blocks));
  count = std::clamp<int64_t>(count, 1, std::max<int64_t>(stored, 1));
  std::vector<Strip> strips;
  for (int64_t i = 0; i < count; ++i) {
    Strip strip{stored * i / count, stored * (i + 1) / count};
    strip.begin = strip.stored_begin;
    strip.end = strip.stored_end;
    if (pooling.exists()) {
      strip.begin = std::max<int64_t>(strip.stored_begin * pooling.stride_rows - pooling.pad_top, 0);
      strip.end = std::min((strip.stored_end - 1) * pooling.stride_rows - pooling.pad_top + pooling.rows,
                           shape.out_rows);
    }
    strips.push_back(strip);
  }
  return strips;
}

int64_t rows_read(const ConvolutionShape& shape) {
  return (shape.out_rows - 1) * shape.stride_rows + (shape.kernel_rows - 1) * shape.dilation_rows + 1;
}

int64_t columns_read(const ConvolutionShape& shape) {
  return (shape.out_columns - 1) * shape.stride_columns +
         (shape.kernel_columns - 1) * shape.dilation_columns + 1;
}

template <class T>
void ChunkLists<T>::prepare(const ConvolutionShape& shape, ChannelRange channels) {
  channels_ = channels;
  rows_ = rows_read(shape);
  columns_ = columns_read(shape);
  top_ = shape.pad_top;
  left_ = shape.pad_left;
  // What is written behind the last list of a row may not reach the next one: another thread's.
  row_capacity_ = shape.in_columns * ceil_divide(channels.size(), kGroup<T>) * kGroup<T> + kBlock;
  const int64_t capacity = shape.in_rows * row_capacity_;
  DELTAHOP_CHECK(capacity <= std::numeric_limits<uint32_t>::max());
  values_.reserve(capacity);
  offsets_.reserve(capacity);
  places_.resize(static_cast<size_t>(rows_ * columns_));  // those of the border stay empty
}

template <class T>
void ChunkLists<T>::build_row(const CompressedMap<T>& map, int64_t row, bool has_bytes) {
  const int64_t y = row - top_, columns = std::min(map.columns(), columns_ - left_);
  if (y < 0 || y >= map.rows() || columns <= 0) return;
  ListSource<T> sources[kChunk<T> / kBlock + 1];
  ListRow<T> lists;
  for (int64_t block = channels_.begin / kBlock; block * kBlock < channels_.end; ++block) {
    ListSource<T>& source = sources[lists.source_count++];
    source = {map.bitmaps(block, y), map.values(block, y), ~uint64_t{0}, block * kBlock - channels_.begin};
    const int64_t before = std::max<int64_t>(-source.channel, 0);
    const int64_t behind = std::max<int64_t>((block + 1) * kBlock - channels_.end, 0);
    source.mask = ~uint64_t{0} << before & ~uint64_t{0} >> behind;
  }
  lists.sources = sources;
  lists.columns = columns;
  lists.values = values_.data();
  lists.offsets = offsets_.data();
  lists.begin = static_cast<uint32_t>(y * row_capacity_);
  lists.places = places_.data() + row * columns_ + left_;
  if constexpr (std::is_same_v<T, uint8_t>) {
    if (has_bytes) return vnni::list(lists);
  }
  list(lists);
}

template class ChunkLists<uint8_t>;
template class ChunkLists<float>;

}  // namespace deltahop::sparse_blocks
