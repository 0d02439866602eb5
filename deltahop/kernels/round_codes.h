// SPDX-License-Identifier: Apache-2.0
// Floats to the nearest 16-bit integers, by the hundred million.
#pragma once

#include <cstdint>
#include <span>

namespace deltahop {

struct RoundedCodes {
  int64_t outside = 0;   // numbers whose nearest integer lies beyond the bounds
  bool has_nan = false;  // then the codes of these are not meant
};

// codes[i] = the integer nearest to values[i] * scale, ties to even, held within [low, high]. The scale is a
// power of two, so that the product is exact.
RoundedCodes round_codes(std::span<const float> values, float scale, int16_t low, int16_t high,
                         std::span<int16_t> codes);

}  // namespace deltahop
