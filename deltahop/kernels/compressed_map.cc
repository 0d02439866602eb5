// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/compressed_map.h"

#include <algorithm>
#include <bit>

namespace deltahop {

template <class T>
void CompressedMap<T>::reshape(int64_t rows, int64_t columns, int64_t channels) {
  DELTAHOP_CHECK(rows >= 0 && columns >= 0 && channels >= 0);
  rows_ = rows;
  columns_ = columns;
  channels_ = channels;
  bitmaps_.resize(static_cast<size_t>(blocks() * rows * columns));
  const int64_t wanted = blocks() * rows * row_capacity();
  if (wanted > capacity_) {
    values_ = std::make_unique_for_overwrite<T[]>(static_cast<size_t>(wanted));
    capacity_ = wanted;
  }
}

template <class T>
int64_t CompressedMap<T>::nonzeros() const {
  int64_t count = 0;
  for (const uint64_t bitmap : bitmaps_) count += std::popcount(bitmap);
  return count;
}

template <class T>
int64_t CompressedMap<T>::bytes() const {
  return static_cast<int64_t>(bitmaps_.size() * sizeof(uint64_t)) +
         nonzeros() * static_cast<int64_t>(sizeof(T));
}

namespace {

// Where a channel of a pixel lies in a dense map.
struct DenseLayout {
  int64_t pixel = 1, channel = 1;  // strides
  template <class T>
  DenseLayout(const CompressedMap<T>& map, ChannelOrder order)
      : pixel(order == ChannelOrder::last ? map.channels() : 1),
        channel(order == ChannelOrder::last ? 1 : map.rows() * map.columns()) {}
};

template <class T>
void check_size(const CompressedMap<T>& map, size_t size) {
  DELTAHOP_CHECK(static_cast<int64_t>(size) == map.rows() * map.columns() * map.channels());
}

// Calls body(block, row, channels in the block).
template <class T, class Body>
void for_each_segment(const CompressedMap<T>& map, const Body& body) {
  constexpr int64_t kBlock = CompressedMap<T>::kBlock;
  for (int64_t block = 0; block < map.blocks(); ++block) {
    const int64_t channels = std::min(kBlock, map.channels() - block * kBlock);
    for (int64_t row = 0; row < map.rows(); ++row) body(block, row, channels);
  }
}

}  // namespace

template <class T>
void compress(std::span<const T> dense, ChannelOrder order, CompressedMap<T>& map) {
  check_size(map, dense.size());
  const DenseLayout layout(map, order);
  for_each_segment(map, [&](int64_t block, int64_t row, int64_t channels) {
    uint64_t* const bitmaps = map.bitmaps(block, row);
    T* values = map.values(block, row);
    for (int64_t column = 0; column < map.columns(); ++column) {
      const T* const from = dense.data() + (row * map.columns() + column) * layout.pixel +
                            block * CompressedMap<T>::kBlock * layout.channel;
      uint64_t bitmap = 0;
      for (int64_t i = 0; i < channels; ++i) {
        const T value = from[i * layout.channel];
        bitmap |= uint64_t{value != T{0}} << i;
        *values = value;
        values += value != T{0};
      }
      bitmaps[column] = bitmap;
    }
  });
}

template <class T>
void expand(const CompressedMap<T>& map, ChannelOrder order, std::span<T> dense) {
  check_size(map, dense.size());
  const DenseLayout layout(map, order);
  std::fill(dense.begin(), dense.end(), T{0});
  for_each_segment(map, [&](int64_t block, int64_t row, int64_t) {
    const uint64_t* const bitmaps = map.bitmaps(block, row);
    const T* values = map.values(block, row);
    for (int64_t column = 0; column < map.columns(); ++column) {
      T* const to = dense.data() + (row * map.columns() + column) * layout.pixel +
                    block * CompressedMap<T>::kBlock * layout.channel;
      for (uint64_t rest = bitmaps[column]; rest != 0; rest &= rest - 1) {
        to[std::countr_zero(rest) * layout.channel] = *values++;
      }
    }
  });
}

template class CompressedMap<uint8_t>;
template class CompressedMap<float>;
template void compress<uint8_t>(std::span<const uint8_t>, ChannelOrder, CompressedMap<uint8_t>&);
template void compress<float>(std::span<const float>, ChannelOrder, CompressedMap<float>&);
template void expand<uint8_t>(const CompressedMap<uint8_t>&, ChannelOrder, std::span<uint8_t>);
template void expand<float>(const CompressedMap<float>&, ChannelOrder, std::span<float>);

}  // namespace deltahop
