// SPDX-License-Identifier: Apache-2.0
// The run-length code of [Chen2017]: pairs of a number of zeros (5 bits) and the value after them (16 bits),
// three pairs to a 64-bit word, and one bit that marks the last word. A longer run of zeros is broken by a
// stored zero.
//   const auto code = RunLength::encode(map);     // 21.33 bits for each stored value
// Bit order (not published; ours): the first pair lowest, in a pair the run below the value, the last bit on
// top.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/tensor/encodings/encoding.h"

namespace deltahop {

struct RunLengthFormat {
  int run_bits = 5;
  int level_bits = 16;
  int pairs_per_word = 3;
  int word_bits() const { return pairs_per_word * (run_bits + level_bits) + 1; }  // at most 64
  int64_t longest_run() const { return (int64_t{1} << run_bits) - 1; }
};

class RunLength {
 public:
  // values: int16, any shape, coded in memory order. Throws Error where a value does not fit level_bits or
  // the format has no room.
  static RunLength encode(const Tensor& values) { return encode(values, {}); }
  static RunLength encode(const Tensor& values, RunLengthFormat format);
  // A stream from outside, one word in each uint64_t: nothing is checked before decode().
  static RunLength from_words(Shape shape, std::vector<uint64_t> words, RunLengthFormat format = {});

  // Throws Error where the stream ends early or late, its last bit stands in the wrong word, or unused pairs
  // are not 0.
  Tensor decode() const;
  Bits size() const { return Bits(static_cast<int64_t>(words_.size()) * format_.word_bits()); }
  std::span<const uint64_t> words() const { return words_; }

 private:
  Shape shape_;
  RunLengthFormat format_;
  std::vector<uint64_t> words_;
};

// Pairs that the code stores, and the size of the stream, without making it.
int64_t run_length_pairs(std::span<const int16_t> values, RunLengthFormat format = {});
Bits run_length_bits(std::span<const int16_t> values, RunLengthFormat format = {});

}  // namespace deltahop
