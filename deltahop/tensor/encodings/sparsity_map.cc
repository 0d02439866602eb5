// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/encodings/sparsity_map.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

MapShape checked_shape(const Shape& shape) {
  const bool batched = shape.size() == 4 && shape[0] == 1;
  if (!batched && shape.size() != 3)
    throw Error("", "a sparsity map is made of a map [C, H, W] or [1, C, H, W]");
  const size_t first = batched ? 1 : 0;
  const MapShape map{shape[first], shape[first + 1], shape[first + 2]};
  constexpr int64_t kLargest = int64_t{1} << 20;  // so that no product of three wraps
  for (const int64_t dimension : {map.channels, map.rows, map.columns}) {
    if (dimension < 1 || dimension > kLargest)
      throw Error("", fmt::format("a map with a dimension of {} cannot be coded", dimension));
  }
  return map;
}

// Reads one stream from front to back.
struct WordReader {
  std::span<const uint16_t> words;
  size_t next = 0;

  uint16_t read() {
    if (next >= words.size()) throw Error("sparsity map", "the stream ends in the middle of the map");
    return words[next++];
  }
};

// pixels: one row, channel fastest.
void decode_row(WordReader& reader, int64_t row, std::span<int16_t> pixels) {
  const int64_t count = static_cast<int64_t>(pixels.size());
  for (int64_t first = 0; first < count; first += SparsityMap::kPixelsPerWord) {
    const unsigned marks = reader.read();
    const int64_t in_word = std::min(SparsityMap::kPixelsPerWord, count - first);
    if ((marks >> in_word) != 0)
      throw Error("sparsity map", fmt::format("row {} marks a pixel beyond its end", row));
    for (unsigned left = marks; left != 0; left &= left - 1) {
      const auto value = static_cast<int16_t>(reader.read());
      if (value == 0)
        throw Error("sparsity map", fmt::format("row {} lists a zero among the non-zero values", row));
      pixels[static_cast<size_t>(first + std::countr_zero(left))] = value;
    }
  }
}

}  // namespace

int64_t sparsity_map_words(const MapShape& shape) {
  const int64_t row = shape.columns * shape.channels;
  return shape.rows * ((row + SparsityMap::kPixelsPerWord - 1) / SparsityMap::kPixelsPerWord);
}

Bits sparsity_map_bits(const MapShape& shape, int64_t nonzeros, int value_bits) {
  return Bits(sparsity_map_words(shape) * SparsityMap::kPixelsPerWord + nonzeros * value_bits);
}

SparsityMap SparsityMap::encode(const Tensor& map) {
  const MapShape shape = checked_shape(map.shape());
  const std::vector<int16_t> pixels = channels_last(map.values<int16_t>(), shape);
  const int64_t nonzeros = count_nonzero(map);
  SparsityMap code;
  code.shape_ = map.shape();
  code.words_.reserve(static_cast<size_t>(sparsity_map_words(shape) + nonzeros));
  const int64_t row_pixels = shape.columns * shape.channels;
  for (int64_t row = 0; row < shape.rows; ++row) {
    code.row_starts_.push_back(static_cast<int64_t>(code.words_.size()));
    for (int64_t first = 0; first < row_pixels; first += kPixelsPerWord) {
      const int64_t count = std::min(kPixelsPerWord, row_pixels - first);
      const int16_t* values = pixels.data() + row * row_pixels + first;
      const size_t marks = code.words_.size();
      code.words_.push_back(0);
      for (int64_t i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        code.words_[marks] = static_cast<uint16_t>(code.words_[marks] | (1U << i));
        code.words_.push_back(static_cast<uint16_t>(values[i]));
      }
    }
  }
  return code;
}

SparsityMap SparsityMap::from_words(Shape shape, std::vector<uint16_t> words) {
  SparsityMap code;
  code.shape_ = std::move(shape);
  code.words_ = std::move(words);
  return code;
}

Tensor SparsityMap::decode() const {
  const MapShape shape = checked_shape(shape_);
  // Every 16 pixels cost a word, so a short stream is refused before anything is allocated for it.
  if (static_cast<int64_t>(words_.size()) / shape.rows <
      sparsity_map_words({shape.channels, 1, shape.columns})) {
    throw Error("sparsity map", "the stream is too short for the map");
  }
  Tensor map = Tensor::zeros(DataType::int16, shape_);
  const auto values = map.values<int16_t>();
  std::vector<int16_t> row_pixels(static_cast<size_t>(shape.columns * shape.channels));
  WordReader reader{words_};
  for (int64_t row = 0; row < shape.rows; ++row) {
    std::fill(row_pixels.begin(), row_pixels.end(), int16_t{0});
    decode_row(reader, row, row_pixels);
    for (int64_t column = 0; column < shape.columns; ++column) {
      for (int64_t c = 0; c < shape.channels; ++c) {
        values[static_cast<size_t>((c * shape.rows + row) * shape.columns + column)] =
            row_pixels[static_cast<size_t>(column * shape.channels + c)];
      }
    }
  }
  if (reader.next != words_.size())
    throw Error("sparsity map", "the stream goes on after the end of the map");
  return map;
}

static_assert(Encoding<SparsityMap>);

}  // namespace deltahop
