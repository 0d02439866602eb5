// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/compressed_map.h"

#include <algorithm>
#include <bit>

#include "deltahop/kernels/sparse_blocks.h"

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
bool CompressedMap<T>::machine_has_byte_products() {
  return std::is_same_v<T, uint8_t> && sparse_blocks::has_byte_products();
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

using sparse_blocks::kBlock;

template <class T>
void check_size(const CompressedMap<T>& map, size_t size) {
  DELTAHOP_CHECK(static_cast<int64_t>(size) == map.rows() * map.columns() * map.channels());
}

// Calls body(block, row, channels of the block, its first channel in the first pixel of the row in `dense`).
template <class Map, class T, class Body>
void for_each_segment(Map& map, ChannelOrder order, T* dense, const Body& body) {
  const int64_t plane = map.rows() * map.columns();
  for (int64_t block = 0; block < map.blocks(); ++block) {
    const int64_t first = block * kBlock, channels = std::min(kBlock, map.channels() - first);
    for (int64_t row = 0; row < map.rows(); ++row) {
      const int64_t pixel = row * map.columns();
      body(block, row, channels,
           dense + (order == ChannelOrder::last ? pixel * map.channels() + first : first * plane + pixel));
    }
  }
}

void pack(bool has_bytes, const uint8_t* pixels, int64_t columns, uint64_t* bitmaps, uint8_t* values) {
  if (has_bytes) return sparse_blocks::vnni::pack(pixels, columns, bitmaps, values);
  sparse_blocks::pack(pixels, columns, bitmaps, values);
}
void pack(bool, const float* pixels, int64_t columns, uint64_t* bitmaps, float* values) {
  sparse_blocks::pack(pixels, columns, bitmaps, values);
}

void unpack(bool has_bytes, const sparse_blocks::Unpacking<uint8_t>& row) {
  if (has_bytes) return sparse_blocks::vnni::unpack(row);
  sparse_blocks::unpack(row);
}
void unpack(bool, const sparse_blocks::Unpacking<float>& row) { sparse_blocks::unpack(row); }

}  // namespace

template <class T>
void compress(std::span<const T> dense, ChannelOrder order, CompressedMap<T>& map) {
  check_size(map, dense.size());
  const bool has_bytes = map.has_byte_products();
  const int64_t columns = map.columns(), plane = map.rows() * columns;
  sparse_blocks::Buffer<T> pixels;  // of one row, 64 channels each
  T* const row_pixels = pixels.reserve(columns * kBlock);
  for_each_segment(map, order, dense.data(),
                   [&](int64_t block, int64_t row, int64_t channels, const T* from) {
                     if (channels < kBlock) std::fill_n(row_pixels, columns * kBlock, T{0});
                     if (order == ChannelOrder::last) {
                       for (int64_t x = 0; x < columns; ++x) {
                         std::copy_n(from + x * map.channels(), channels, row_pixels + x * kBlock);
                       }
                     } else {
                       for (int64_t k = 0; k < channels; ++k) {
                         for (int64_t x = 0; x < columns; ++x)
                           row_pixels[x * kBlock + k] = from[k * plane + x];
                       }
                     }
                     pack(has_bytes, row_pixels, columns, map.bitmaps(block, row), map.values(block, row));
                   });
}

template <class T>
void expand(const CompressedMap<T>& map, ChannelOrder order, std::span<T> dense) {
  check_size(map, dense.size());
  const bool has_bytes = map.has_byte_products();
  const int64_t columns = map.columns(), plane = map.rows() * columns;
  const bool is_last = order == ChannelOrder::last;
  sparse_blocks::Buffer<T> pixels;
  T* const row_pixels = pixels.reserve(columns * kBlock);
  for_each_segment(map, order, dense.data(), [&](int64_t block, int64_t row, int64_t channels, T* to) {
    sparse_blocks::Unpacking<T> unpacking{map.bitmaps(block, row), map.values(block, row)};
    unpacking.columns = columns;
    unpacking.channels = channels;
    unpacking.stride = is_last ? map.channels() : kBlock;
    unpacking.to = is_last ? to : row_pixels;
    unpack(has_bytes, unpacking);
    for (int64_t k = 0; !is_last && k < channels; ++k) {
      for (int64_t x = 0; x < columns; ++x) to[k * plane + x] = row_pixels[x * kBlock + k];
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
