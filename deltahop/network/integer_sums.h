// SPDX-License-Identifier: Apache-2.0
// Codes brought to a common scale as 64-bit integers, for layers whose integer rule adds or multiplies them
// exactly.
#pragma once

#include <optional>

#include "deltahop/network/layer.h"

namespace deltahop {

// The codes times 2^(fraction_bits - value.fraction_bits), int64. Nothing where that is not an exact integer
// operation (a coarser scale) or where the result might leave 56 bits: 128 such numbers still add up without
// wrapping.
std::optional<Tensor> wide_codes(const IntegerValue& value, int fraction_bits);

// True where the product of any two of their elements fits 62 bits.
bool product_fits(const Tensor& a, const Tensor& b);

}  // namespace deltahop
