// SPDX-License-Identifier: Apache-2.0
// How a convolution over compressed maps is cut: blocks of 64 out channels with the in channels that they
// read, strips of rows whose sums stay in the second-level cache, and for each strip its pixels in the order
// of their lists' lengths.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "deltahop/kernels/sparse_blocks.h"

namespace deltahop::sparse_blocks {

// In channels [begin, end), in chunks of kChunk.
struct ChannelRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  friend bool operator==(const ChannelRange&, const ChannelRange&) = default;
};
// What the out channels of a block read: their groups' channels, neighbours.
ChannelRange channels_read(const ConvolutionShape& shape, int64_t block);

// Rows [stored_begin, stored_end) of what is stored, from rows [begin, end) of the convolution.
struct Strip {
  int64_t stored_begin = 0, stored_end = 0;
  int64_t begin = 0, end = 0;
};
// So many that their sums fit the cache and that each of the threads gets its share.
std::vector<Strip> cut_into_strips(const ConvolutionShape& shape, const MaximumPooling& pooling,
                                   int64_t sum_bytes, int threads);

// The lists of all pixels over one chunk of channels.
template <class T>
class ChunkLists {
 public:
  void prepare(const CompressedMap<T>& map, ChannelRange channels);
  void build_row(const CompressedMap<T>& map, int64_t row, bool has_bytes);

  const T* values() const { return values_.data(); }
  const uint16_t* offsets() const { return offsets_.data(); }
  uint32_t begin(int64_t pixel) const { return begins_[static_cast<size_t>(pixel)]; }
  uint16_t groups(int64_t pixel) const { return groups_[static_cast<size_t>(pixel)]; }

 private:
  ChannelRange channels_;
  int64_t row_capacity_ = 0;
  Buffer<T> values_;
  Buffer<uint16_t> offsets_;
  std::vector<uint32_t> begins_;
  std::vector<uint16_t> groups_;
};

// Pixels that hold something, shortest list first.
struct SortedPixels {
  struct Pixel {
    uint32_t list = 0;
    uint16_t row = 0, column = 0;
  };
  struct Class {
    int64_t groups = 0;
    size_t end = 0;  // pixels up to here have lists of so many groups
  };
  std::vector<Pixel> pixels;
  std::vector<Class> classes;
  std::vector<uint32_t> counts;  // scratch

  // The rows of the map that the strip reads.
  template <class T>
  void sort(const ConvolutionShape& shape, const Strip& strip, const ChunkLists<T>& lists);
};

// Where a tap leads: the sums of a pixel's output in a strip are at rows[row] + columns[column], nowhere
// where that is negative.
std::vector<int32_t> row_places(const ConvolutionShape& shape, const Strip& strip, int64_t kernel_row);
std::vector<int32_t> column_places(const ConvolutionShape& shape, int64_t kernel_column);

// Calls body(index, piece) for each index below count, from all threads; `piece` is the thread's number.
template <class Body>
void for_each(RowWorkers& workers, int64_t count, const Body& body) {
  if (workers.threads() == 1 || count <= 1) {
    for (int64_t i = 0; i < count; ++i) body(i, 0);
    return;
  }
  std::atomic<int64_t> next{0};
  workers.run([&](int piece) {
    for (int64_t i = next++; i < count; i = next++) body(i, piece);
  });
}

extern template class ChunkLists<uint8_t>;
extern template class ChunkLists<float>;

}  // namespace deltahop::sparse_blocks
