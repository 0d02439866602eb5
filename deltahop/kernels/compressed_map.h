// SPDX-License-Identifier: Apache-2.0
// A feature map without its zeros: for every pixel and block of 64 channels a bitmap, and behind each other
// the values that are not zero. The values of one block and row lie together, so that a layer writes its rows
// from several threads and the next one reads them, and the map is never dense between the two.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "deltahop/base/error.h"

namespace deltahop {

// T: uint8_t or float.
template <class T>
class CompressedMap {
 public:
  static constexpr int64_t kBlock = 64;  // channels a bitmap

  CompressedMap() = default;
  CompressedMap(int64_t rows, int64_t columns, int64_t channels) { reshape(rows, columns, channels); }

  // A map of this shape; what it holds is undefined until every block and row has been written. Memory is
  // kept where it suffices.
  void reshape(int64_t rows, int64_t columns, int64_t channels);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t channels() const { return channels_; }
  int64_t blocks() const { return (channels_ + kBlock - 1) / kBlock; }

  // The bitmaps of a row of one block, one a column: bit i is channel block * 64 + i.
  uint64_t* bitmaps(int64_t block, int64_t row) { return bitmaps_.data() + segment(block, row) * columns_; }
  const uint64_t* bitmaps(int64_t block, int64_t row) const {
    return bitmaps_.data() + segment(block, row) * columns_;
  }
  // Their values, column after column. kSlack more may be read and written behind the last one of a row.
  T* values(int64_t block, int64_t row) { return values_.get() + segment(block, row) * row_capacity(); }
  const T* values(int64_t block, int64_t row) const {
    return values_.get() + segment(block, row) * row_capacity();
  }
  static constexpr int64_t kSlack = kBlock;

  int64_t nonzeros() const;
  // Whether bytes may be packed and unpacked by the instructions beside the byte products.
  bool has_byte_products() const { return has_byte_products_; }
  // What the map takes: bitmaps and values.
  int64_t bytes() const;

 private:
  int64_t segment(int64_t block, int64_t row) const { return block * rows_ + row; }
  // A row has its place whatever the others hold; what is not needed of it is never touched.
  int64_t row_capacity() const { return columns_ * kBlock + kSlack; }

  // Asked once a map: the question is an instruction that a virtual machine traps, tens of microseconds.
  static bool machine_has_byte_products();

  int64_t rows_ = 0, columns_ = 0, channels_ = 0;
  bool has_byte_products_ = machine_has_byte_products();
  std::vector<uint64_t> bitmaps_;  // [blocks, rows, columns]
  std::unique_ptr<T[]> values_;    // [blocks, rows, row_capacity]
  int64_t capacity_ = 0;
};

// How the channels of a dense map lie: beside each other at each pixel, or plane after plane.
enum class ChannelOrder : uint8_t { last, first };

// dense: [rows, columns, channels] or [channels, rows, columns]; `map` has its shape already.
template <class T>
void compress(std::span<const T> dense, ChannelOrder order, CompressedMap<T>& map);
template <class T>
void expand(const CompressedMap<T>& map, ChannelOrder order, std::span<T> dense);

extern template class CompressedMap<uint8_t>;
extern template class CompressedMap<float>;

}  // namespace deltahop
