// SPDX-License-Identifier: Apache-2.0
// The sparsity map with its non-zero value list [Aimar2019]: a stream of 16-bit words in which one word
// marks, least significant bit first, which of the next 16 pixels are non-zero, and those pixels follow it.
// The channel runs fastest, then the column, then the row; a row always starts a new word.
//   const auto code = SparsityMap::encode(map);   code.size();   code.decode() == map;
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/tensor/encodings/encoding.h"

namespace deltahop {

class SparsityMap {
 public:
  static constexpr int64_t kPixelsPerWord = 16;

  // map: int16 [C, H, W] or [1, C, H, W], no dimension empty. Throws Error for any other shape.
  static SparsityMap encode(const Tensor& map);
  // A stream from outside, for a map of this shape: nothing is checked before decode().
  static SparsityMap from_words(Shape shape, std::vector<uint16_t> words);

  // Throws Error where the stream ends early or late, lists a zero, or marks a pixel beyond the end of its
  // row.
  Tensor decode() const;
  Bits size() const { return Bits(static_cast<int64_t>(words_.size()) * 16); }
  std::span<const uint16_t> words() const { return words_; }
  // Index of the first word of each row: the words that carry the "new row" flag on the chip's bus. Empty for
  // a stream from outside.
  std::span<const int64_t> row_starts() const { return row_starts_; }

 private:
  Shape shape_;
  std::vector<uint16_t> words_;
  std::vector<int64_t> row_starts_;
};

// Words that mark pixels, for the whole map: rows * ceil(columns * channels / 16).
int64_t sparsity_map_words(const MapShape& shape);
// The size of the stream without making it. value_bits: of one listed pixel.
Bits sparsity_map_bits(const MapShape& shape, int64_t nonzeros, int value_bits = 16);

}  // namespace deltahop
