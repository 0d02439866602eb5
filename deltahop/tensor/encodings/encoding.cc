// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/encodings/encoding.h"

#include <algorithm>
#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {

MapShape map_shape_of(const Tensor& map) {
  const Shape& shape = map.shape();
  const bool batched = shape.size() == 4 && shape[0] == 1;
  if (!batched && shape.size() != 3)
    throw Error("", "a feature map must have the shape [C, H, W] or [1, C, H, W]");
  const size_t first = batched ? 1 : 0;
  return {shape[first], shape[first + 1], shape[first + 2]};
}

std::vector<int16_t> channels_last(std::span<const int16_t> map, const MapShape& shape) {
  DELTAHOP_CHECK(static_cast<int64_t>(map.size()) == shape.pixels());
  std::vector<int16_t> pixels(map.size());
  constexpr int64_t kBlock = 32;  // channels at a time, so that the lines written stay in the cache
  const int64_t plane = shape.rows * shape.columns;
  for (int64_t first = 0; first < shape.channels; first += kBlock) {
    const int64_t last = std::min(first + kBlock, shape.channels);
    for (int64_t position = 0; position < plane; ++position) {
      int16_t* out = pixels.data() + position * shape.channels;
      for (int64_t c = first; c < last; ++c) out[c] = map[static_cast<size_t>(c * plane + position)];
    }
  }
  return pixels;
}

Bits entropy_bound_bits(int64_t values, int64_t nonzeros, int value_bits) {
  DELTAHOP_CHECK(values >= nonzeros && nonzeros >= 0);
  const double p = values == 0 ? 0.0 : static_cast<double>(nonzeros) / static_cast<double>(values);
  const auto surprise = [](double probability) {
    return probability > 0 ? -probability * std::log2(probability) : 0.0;
  };
  const double positions = static_cast<double>(values) * (surprise(p) + surprise(1 - p));
  return Bits(static_cast<int64_t>(std::ceil(positions)) + nonzeros * value_bits);
}

}  // namespace deltahop
