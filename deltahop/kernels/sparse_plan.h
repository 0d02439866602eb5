// SPDX-License-Identifier: Apache-2.0
// How a convolution over compressed maps is cut: blocks of 64 out channels with the in channels that they
// read, strips of rows whose sums stay in the second-level cache, and the lists of all pixels.
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
// So many that their sums, of `channels` out channels at once, fit the cache and that each of the threads
// gets its share.
std::vector<Strip> cut_into_strips(const ConvolutionShape& shape, const MaximumPooling& pooling,
                                   int64_t channels, int64_t sum_bytes, int threads);

// The lists of all pixels over one chunk of channels, and of the pixels of its border: those are empty, so
// that no tap leads outside.
template <class T>
class ChunkLists {
 public:
  void prepare(const ConvolutionShape& shape, ChannelRange channels);
  // Row `row` of the map with its border.
  void build_row(const CompressedMap<T>& map, int64_t row, bool has_bytes);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  const ListPlace* places() const { return places_.data(); }  // [rows, columns]
  const T* values() const { return values_.data(); }
  const uint16_t* offsets() const { return offsets_.data(); }

 private:
  ChannelRange channels_;
  int64_t rows_ = 0, columns_ = 0, top_ = 0, left_ = 0, row_capacity_ = 0;
  Buffer<T> values_;
  Buffer<uint16_t> offsets_;
  std::vector<ListPlace> places_;
};

// Rows and columns of the map that outputs read, its border included.
int64_t rows_read(const ConvolutionShape& shape);
int64_t columns_read(const ConvolutionShape& shape);

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
