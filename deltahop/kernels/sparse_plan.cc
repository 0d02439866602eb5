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
// Added to another place, a place stays negative.
constexpr int32_t kNowhere = std::numeric_limits<int32_t>::min() / 2;

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The output position that reads `in` through a tap at `offset`; -1 for none.
int64_t output_of(int64_t in, int64_t offset, int64_t stride) {
  const int64_t distance = in - offset;
  return distance < 0 || distance % stride != 0 ? -1 : distance / stride;
}

}  // namespace

ChannelRange channels_read(const ConvolutionShape& shape, int64_t block) {
  const int64_t outs = shape.out_channels_per_group(), ins = shape.in_channels_per_group();
  const int64_t first = block * kBlock, last = std::min(first + kBlock, shape.out_channels) - 1;
  return {first / outs * ins, (last / outs + 1) * ins};
}

std::vector<Strip> cut_into_strips(const ConvolutionShape& shape, const MaximumPooling& pooling,
                                   int64_t sum_bytes, int threads) {
  const int64_t stored = pooling.exists() ? pooling.out_rows : shape.out_rows;
  const int64_t row_bytes = std::max<int64_t>(shape.out_columns * kBlock * sum_bytes, 1);
  const int64_t rows_each = std::max<int64_t>(kStripBytes / row_bytes, 1);
  int64_t count = ceil_divide(shape.out_rows, rows_each);
  const int64_t blocks = ceil_divide(shape.out_channels, kBlock);
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

template <class T>
void ChunkLists<T>::prepare(const CompressedMap<T>& map, ChannelRange channels) {
  channels_ = channels;
  // What is written behind the last list of a row may not reach the next one: another thread's.
  row_capacity_ = map.columns() * ceil_divide(channels.size(), kGroup<T>) * kGroup<T> + kBlock;
  const int64_t capacity = map.rows() * row_capacity_;
  DELTAHOP_CHECK(capacity <= std::numeric_limits<uint32_t>::max());
  values_.reserve(capacity);
  offsets_.reserve(capacity);
  begins_.resize(static_cast<size_t>(map.rows() * map.columns()));
  groups_.resize(begins_.size());
}

template <class T>
void ChunkLists<T>::build_row(const CompressedMap<T>& map, int64_t row, bool has_bytes) {
  ListSource<T> sources[kChunk<T> / kBlock + 1];
  ListRow<T> lists;
  for (int64_t block = channels_.begin / kBlock; block * kBlock < channels_.end; ++block) {
    ListSource<T>& source = sources[lists.source_count++];
    source = {map.bitmaps(block, row), map.values(block, row), ~uint64_t{0},
              block * kBlock - channels_.begin};
    const int64_t before = std::max<int64_t>(-source.channel, 0);
    const int64_t behind = std::max<int64_t>((block + 1) * kBlock - channels_.end, 0);
    source.mask = ~uint64_t{0} << before & ~uint64_t{0} >> behind;
  }
  lists.sources = sources;
  lists.columns = map.columns();
  lists.values = values_.data();
  lists.offsets = offsets_.data();
  lists.begin = static_cast<uint32_t>(row * row_capacity_);
  lists.begins = begins_.data() + row * map.columns();
  lists.groups = groups_.data() + row * map.columns();
  if constexpr (std::is_same_v<T, uint8_t>) {
    if (has_bytes) return vnni::list(lists);
  }
  list(lists);
}

template <class T>
void SortedPixels::sort(const ConvolutionShape& shape, const Strip& strip, const ChunkLists<T>& lists) {
  const int64_t reach = (shape.kernel_rows - 1) * shape.dilation_rows;
  const int64_t first = std::max<int64_t>(strip.begin * shape.stride_rows - shape.pad_top, 0);
  const int64_t end =
      std::min((strip.end - 1) * shape.stride_rows - shape.pad_top + reach + 1, shape.in_rows);
  counts.assign(static_cast<size_t>(kChunk<T> / kGroup<T> + 2), 0);
  for (int64_t i = first * shape.in_columns; i < end * shape.in_columns; ++i) ++counts[lists.groups(i) + 1u];
  classes.clear();
  counts[1] = 0;  // empty lists are left out
  for (size_t groups = 1; groups + 1 < counts.size(); ++groups) {
    counts[groups + 1] += counts[groups];
    if (counts[groups + 1] > counts[groups])
      classes.push_back({static_cast<int64_t>(groups), counts[groups + 1]});
  }
  pixels.resize(counts.back());
  for (int64_t row = first; row < end; ++row) {
    for (int64_t column = 0; column < shape.in_columns; ++column) {
      const int64_t i = row * shape.in_columns + column;
      if (lists.groups(i) == 0) continue;
      pixels[counts[lists.groups(i)]++] = {lists.begin(i), static_cast<uint16_t>(row),
                                           static_cast<uint16_t>(column)};
    }
  }
}

std::vector<int32_t> row_places(const ConvolutionShape& shape, const Strip& strip, int64_t kernel_row) {
  std::vector<int32_t> places(static_cast<size_t>(shape.in_rows), kNowhere);
  for (int64_t y = 0; y < shape.in_rows; ++y) {
    const int64_t p = output_of(y, kernel_row * shape.dilation_rows - shape.pad_top, shape.stride_rows);
    if (p < strip.begin || p >= strip.end) continue;
    places[static_cast<size_t>(y)] = static_cast<int32_t>((p - strip.begin) * shape.out_columns * kBlock);
  }
  return places;
}

std::vector<int32_t> column_places(const ConvolutionShape& shape, int64_t kernel_column) {
  std::vector<int32_t> places(static_cast<size_t>(shape.in_columns), kNowhere);
  for (int64_t x = 0; x < shape.in_columns; ++x) {
    const int64_t q =
        output_of(x, kernel_column * shape.dilation_columns - shape.pad_left, shape.stride_columns);
    if (q < 0 || q >= shape.out_columns) continue;
    places[static_cast<size_t>(x)] = static_cast<int32_t>(q * kBlock);
  }
  return places;
}

template class ChunkLists<uint8_t>;
template class ChunkLists<float>;
template void SortedPixels::sort(const ConvolutionShape&, const Strip&, const ChunkLists<uint8_t>&);
template void SortedPixels::sort(const ConvolutionShape&, const Strip&, const ChunkLists<float>&);

}  // namespace deltahop::sparse_blocks
