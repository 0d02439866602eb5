// SPDX-License-Identifier: Apache-2.0
// How large the numbers of a value are: the largest magnitude, and how many lie in each octave.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "deltahop/tensor/fixed_point.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

class Range {
 public:
  // total_bits: of the formats that will be asked for; octaves end where the ranges of such formats do.
  explicit Range(int total_bits) : total_bits_(total_bits) {}

  // Throws Error (without a place) on numbers that are not finite.
  void add(const Tensor& tensor, int threads);

  int64_t count() const { return count_; }
  double largest() const { return largest_; }
  // The format with the most fraction bits that leaves out at most this share of the numbers.
  FixedFormat format(double clipped_fraction) const;
  // The share of the numbers beyond the range of a format.
  double clipped_fraction(FixedFormat format) const;
  // As if both had seen everything. Both are of the same width.
  void merge(const Range& other);

 private:
  // Octave i: numbers up to 2^(i - 127) times the largest code's share of a power of two.
  using Octaves = std::array<int64_t, 256>;
  int64_t beyond(int octave) const;

  int total_bits_;
  int64_t count_ = 0;
  double largest_ = 0;
  Octaves octaves_{};
};

// The largest magnitude of a tensor's numbers; infinity where one is NaN. Fast for weights by the hundred
// million.
double largest_magnitude(const Tensor& tensor, int threads);

}  // namespace deltahop
