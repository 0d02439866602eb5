// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/encodings/run_length.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

void check_format(const RunLengthFormat& format) {
  const bool sane = format.run_bits >= 1 && format.run_bits <= 16 && format.level_bits >= 1 &&
                    format.level_bits <= 16 && format.pairs_per_word >= 1 && format.pairs_per_word <= 32 &&
                    format.word_bits() <= 64;
  if (!sane) throw Error("run-length code", "runs and levels must have 1 to 16 bits and a word at most 64");
}

// Calls store(run, level) for each pair.
template <class Store>
void for_each_pair(std::span<const int16_t> values, int64_t longest_run, Store&& store) {
  int64_t zeros = 0;
  for (const int16_t value : values) {
    if (value == 0 && zeros < longest_run) {
      ++zeros;
      continue;
    }
    store(zeros, value);  // a zero here breaks a run that is too long
    zeros = 0;
  }
  if (zeros > 0) store(zeros - 1, int16_t{0});  // zeros at the end: the last of them is stored
}

}  // namespace

int64_t run_length_pairs(std::span<const int16_t> values, RunLengthFormat format) {
  check_format(format);
  int64_t pairs = 0;
  for_each_pair(values, format.longest_run(), [&](int64_t, int16_t) { ++pairs; });
  return pairs;
}

Bits run_length_bits(std::span<const int16_t> values, RunLengthFormat format) {
  const int64_t pairs = run_length_pairs(values, format);
  const int64_t words = (pairs + format.pairs_per_word - 1) / format.pairs_per_word;
  return Bits(words * format.word_bits());
}

RunLength RunLength::encode(const Tensor& values, RunLengthFormat format) {
  check_format(format);
  RunLength code;
  code.shape_ = values.shape();
  code.format_ = format;
  const int pair_bits = format.run_bits + format.level_bits;
  const int64_t highest = (int64_t{1} << (format.level_bits - 1)) - 1;
  const uint64_t level_mask = (uint64_t{1} << format.level_bits) - 1;
  int in_word = format.pairs_per_word;
  for_each_pair(values.values<int16_t>(), format.longest_run(), [&](int64_t run, int16_t level) {
    if (level > highest || level < -highest - 1) {
      throw Error("run-length code",
                  fmt::format("the value {} does not fit {} bits", level, format.level_bits));
    }
    if (in_word == format.pairs_per_word) {
      code.words_.push_back(0);
      in_word = 0;
    }
    const uint64_t pair =
        static_cast<uint64_t>(run) | ((static_cast<uint64_t>(level) & level_mask) << format.run_bits);
    code.words_.back() |= pair << (in_word++ * pair_bits);
  });
  if (!code.words_.empty()) code.words_.back() |= uint64_t{1} << (format.word_bits() - 1);
  return code;
}

RunLength RunLength::from_words(Shape shape, std::vector<uint64_t> words, RunLengthFormat format) {
  check_format(format);
  RunLength code;
  code.shape_ = std::move(shape);
  code.format_ = format;
  code.words_ = std::move(words);
  return code;
}

Tensor RunLength::decode() const {
  const int64_t count = element_count(shape_);
  // No stream stands for more than this, so a short one is refused before anything is allocated for it.
  const int64_t most =
      static_cast<int64_t>(words_.size()) * format_.pairs_per_word * (format_.longest_run() + 1);
  if (count > most) throw Error("run-length code", "the stream is too short for its values");
  Tensor tensor = Tensor::zeros(DataType::int16, shape_);
  const auto values = tensor.values<int16_t>();
  const int pair_bits = format_.run_bits + format_.level_bits;
  const uint64_t run_mask = (uint64_t{1} << format_.run_bits) - 1;
  const int unused = 64 - format_.level_bits;
  int64_t next = 0;
  for (size_t word = 0; word < words_.size(); ++word) {
    const uint64_t bits = words_[word];
    const uint64_t top = bits >> (format_.word_bits() - 1);
    if (top != (word + 1 == words_.size() ? 1U : 0U))
      throw Error("run-length code", fmt::format("word {} has a wrong last bit", word));
    for (int i = 0; i < format_.pairs_per_word; ++i) {
      const uint64_t pair = (bits >> (i * pair_bits)) & ((uint64_t{1} << pair_bits) - 1);
      const auto run = static_cast<int64_t>(pair & run_mask);
      const auto level = static_cast<int64_t>((pair >> format_.run_bits) << unused) >> unused;
      if (next == count) {
        const bool filler = pair == 0 && i > 0 && word + 1 == words_.size();
        if (!filler) throw Error("run-length code", "the stream goes on after its last value");
        continue;
      }
      if (run >= count - next)
        throw Error("run-length code", fmt::format("word {} runs beyond the last value", word));
      next += run;
      values[static_cast<size_t>(next++)] = static_cast<int16_t>(level);
    }
  }
  if (next != count) throw Error("run-length code", "the stream ends before its last value");
  return tensor;
}

static_assert(Encoding<RunLength>);

}  // namespace deltahop
