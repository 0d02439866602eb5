// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_sums.h"

#include <algorithm>
#include <bit>

namespace deltahop {
namespace {

constexpr int kMostBits = 56;

// Bits of the largest magnitude among the elements, sign excluded.
int magnitude_bits(const Tensor& tensor) {
  uint64_t seen = 0;
  for (const int64_t value : tensor.values<int64_t>())
    seen |= static_cast<uint64_t>(value < 0 ? ~value : value);
  return static_cast<int>(std::bit_width(seen)) +
         1;  // + 1: the magnitude of -2^k is one more than that of its complement
}

}  // namespace

std::optional<Tensor> wide_codes(const IntegerValue& value, int fraction_bits) {
  const int shift = fraction_bits - value.fraction_bits;
  if (value.codes == nullptr || is_floating(value.codes->type()) || shift < 0 || shift >= kMostBits)
    return std::nullopt;
  Tensor codes = value.codes->converted(DataType::int64);
  if (value.codes->type() != DataType::int16 || shift > kMostBits - 17) {
    if (magnitude_bits(codes) + shift > kMostBits) return std::nullopt;
  }
  if (shift > 0) {
    for (int64_t& code : codes.values<int64_t>()) code *= int64_t{1} << shift;
  }
  return codes;
}

bool product_fits(const Tensor& a, const Tensor& b) { return magnitude_bits(a) + magnitude_bits(b) <= 62; }

}  // namespace deltahop
