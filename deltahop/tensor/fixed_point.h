// SPDX-License-Identifier: Apache-2.0
// Fixed-point numbers: Qm.n counts the sign in m, so Q8.8 is 16 bits, a value is an integer times 2^-n.
// Stored in int16 tensors whatever the width (up to 16 bits).
//   const Tensor pixels = quantized(image, FixedFormat{16, 8}, Rounding::half_even);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct FixedFormat {
  int total_bits = 16;    // 1..16, sign included
  int fraction_bits = 8;  // may be negative or above total_bits: the scale is 2^-fraction_bits either way
  bool is_signed = true;

  int64_t lowest() const { return is_signed ? -(int64_t{1} << (total_bits - 1)) : 0; }
  int64_t highest() const { return (int64_t{1} << (is_signed ? total_bits - 1 : total_bits)) - 1; }
  double step() const;  // 2^-fraction_bits
  friend bool operator==(const FixedFormat&, const FixedFormat&) = default;
};

std::string to_text(FixedFormat format);                // "Q8.8", "UQ0.8"
FixedFormat parse_fixed_format(std::string_view text);  // throws Error

// What happens to the bits that are cut. floor is an arithmetic right shift, as chips without rounding do it.
enum class Rounding { floor, toward_zero, half_up, half_away, half_even };
// What happens to a result that does not fit.
enum class Overflow { saturate, wrap };

std::string_view name_of(Rounding rounding);
std::string_view name_of(Overflow overflow);
Rounding parse_rounding(std::string_view name);
Overflow parse_overflow(std::string_view name);

// numerator / denominator to the nearest integer by the rule; denominator > 0.
int64_t divide_rounded(int64_t numerator, int64_t denominator, Rounding rounding);
// value * 2^-shift by the rule; a negative shift multiplies exactly (the caller knows that it fits).
int64_t shift_rounded(int64_t value, int shift, Rounding rounding);
int64_t fit(int64_t value, FixedFormat format, Overflow overflow);
// A real number to the nearest code; saturates. NaN throws Error.
int64_t quantized(double value, FixedFormat format, Rounding rounding);

// Floats to codes (int16 tensor; signed formats to 16 bits, unsigned ones to 15) and back to float32.
// `clipped`, where given, is increased by the number of values beyond the range.
Tensor quantized(const Tensor& values, FixedFormat format, Rounding rounding, int64_t* clipped = nullptr);
Tensor dequantized(const Tensor& codes, FixedFormat format);

// The format of `total_bits` with the most fraction bits whose range holds `largest_magnitude` (dynamic fixed
// point).
FixedFormat format_for_range(double largest_magnitude, int total_bits);

}  // namespace deltahop
