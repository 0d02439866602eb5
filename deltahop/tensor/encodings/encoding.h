// SPDX-License-Identifier: Apache-2.0
// What every code for sparse int16 values has in common: encode, decode, and a size that is the length of the
// real stream. decode(encode(x)) = x; a stream that came from outside is checked while it is decoded and
// throws Error.
#pragma once

#include <concepts>
#include <span>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

template <class Code>
concept Encoding = requires(const Code& code, const Tensor& values) {
  { Code::encode(values) } -> std::same_as<Code>;
  { code.decode() } -> std::same_as<Tensor>;
  { code.size() } -> std::same_as<Bits>;
};

// One feature map: [C, H, W] in memory, channel slowest.
struct MapShape {
  int64_t channels = 1, rows = 1, columns = 1;
  int64_t pixels() const { return channels * rows * columns; }
  friend bool operator==(const MapShape&, const MapShape&) = default;
};

// Of a tensor [C, H, W] or [1, C, H, W]. Throws Error for any other shape.
MapShape map_shape_of(const Tensor& map);
// The pixels of [C, H, W] with the channel fastest, then the column, then the row: the order in which chips
// stream them.
std::vector<int16_t> channels_last(std::span<const int16_t> map, const MapShape& shape);

// Shannon's bound for values whose positions are non-zero independently of each other: values * H(nonzeros /
// values) for the positions, H(p) = -p log2 p - (1 - p) log2 (1 - p), and value_bits for each non-zero value;
// rounded up to a bit.
Bits entropy_bound_bits(int64_t values, int64_t nonzeros, int value_bits = 16);

}  // namespace deltahop
