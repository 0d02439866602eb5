// SPDX-License-Identifier: Apache-2.0
// From exact sums to codes: the one rounding of the integer executor, fast where a shift does it.
#pragma once

#include <cstdint>

#include "deltahop/network/layer.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop {

struct CodeRule {
  FixedFormat format;  // signed, to 16 bits
  Rounding rounding = Rounding::half_even;
  Overflow overflow = Overflow::saturate;
};

// sum / divisor * 2^-shift as a code. Sums beyond 2^62 after a negative shift count as out of range.
int16_t code_of(int64_t sum, int64_t divisor, int shift, const CodeRule& rule, bool* outside);

// The codes of all sums: shift and divisor as in Accumulators. `outside` is increased by the number of sums
// that did not fit.
Tensor codes_of(const Accumulators& accumulators, const CodeRule& rule, int threads, int64_t* outside);

// Codes of one format as codes of another. Nothing is done, and null returned, where the formats are equal.
std::optional<Tensor> aligned(const Tensor& codes, FixedFormat from, const CodeRule& to, int64_t* outside);

}  // namespace deltahop
