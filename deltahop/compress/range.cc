// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/range.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <vector>

#include "deltahop/base/parallel.h"

namespace deltahop {
namespace {

constexpr int kBias = 127;  // of a float's exponent
constexpr uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
constexpr int64_t kSmallestPiece = 1 << 16;

// The bits of a float without its sign are ordered as its magnitude, NaN above infinity.
uint32_t largest_bits(std::span<const float> values) {
  int32_t largest = 0;
  for (const float value : values)
    largest = std::max(largest, static_cast<int32_t>(std::bit_cast<uint32_t>(value) & kMagnitude));
  return static_cast<uint32_t>(largest);
}

double share_of_largest_code(int total_bits) { return 1.0 - std::ldexp(1.0, 1 - total_bits); }

}  // namespace

double largest_magnitude(const Tensor& tensor, int threads) {
  if (tensor.type() != DataType::float32) return largest_magnitude(tensor);
  const auto values = tensor.values<float>();
  std::atomic<uint32_t> largest = 0;
  parallel_for(
      threads, tensor.size(),
      [&](int64_t begin, int64_t end) {
        const uint32_t here =
            largest_bits(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
        uint32_t seen = largest;
        while (seen < here && !largest.compare_exchange_weak(seen, here)) {
        }
      },
      kSmallestPiece);
  if (largest > kInfinity) return std::numeric_limits<double>::infinity();
  return static_cast<double>(std::bit_cast<float>(largest.load()));
}

void Range::add(const Tensor& tensor, int threads) {
  const Tensor* floats = &tensor;
  Tensor converted;
  if (tensor.type() != DataType::float32) floats = &(converted = tensor.converted(DataType::float32));
  const double largest = deltahop::largest_magnitude(*floats, threads);
  if (!std::isfinite(largest))
    throw Error("", "a number is infinite or not a number (NaN)",
                "no range holds it; look at the weights and the input");
  largest_ = std::max(largest_, largest);
  count_ += floats->size();
  const auto values = floats->values<float>();
  const float scale = static_cast<float>(1.0 / share_of_largest_code(total_bits_));
  std::mutex mutex;
  parallel_for(
      threads, floats->size(),
      [&](int64_t begin, int64_t end) {
        // Two tables, because neighbours often fall into the same octave and would wait for each other.
        std::array<Octaves, 2> tables{};
        for (int64_t i = begin; i < end; ++i) {
          const uint32_t bits = std::bit_cast<uint32_t>(values[static_cast<size_t>(i)] * scale) & kMagnitude;
          ++tables[static_cast<size_t>(i & 1)][(bits + 0x7fffff) >> 23];  // the exponent, rounded up
        }
        const std::lock_guard lock(mutex);
        for (size_t i = 0; i < octaves_.size(); ++i) octaves_[i] += tables[0][i] + tables[1][i];
      },
      kSmallestPiece);
}

int64_t Range::beyond(int octave) const {
  int64_t sum = 0;
  for (int i = std::max(octave + 1, 0); i < static_cast<int>(octaves_.size()); ++i)
    sum += octaves_[static_cast<size_t>(i)];
  return sum;
}

FixedFormat Range::format(double clipped_fraction) const {
  FixedFormat format = format_for_range(largest_, total_bits_);
  if (clipped_fraction <= 0 || largest_ == 0) return format;
  const double allowed = clipped_fraction * static_cast<double>(count_);
  const auto left_out = [&](int fraction_bits) {
    return static_cast<double>(beyond(total_bits_ - 1 - fraction_bits + kBias));
  };
  while (format.fraction_bits < 64 && left_out(format.fraction_bits + 1) <= allowed) ++format.fraction_bits;
  return format;
}

double Range::clipped_fraction(FixedFormat format) const {
  const double range = static_cast<double>(format.highest()) * format.step();
  if (count_ == 0 || largest_ <= range) return 0;
  // Counted by whole octaves: exact for formats of this width.
  const int octave =
      static_cast<int>(std::floor(std::log2(range / share_of_largest_code(total_bits_)) + 1e-6)) + kBias;
  return static_cast<double>(beyond(octave)) / static_cast<double>(count_);
}

void Range::merge(const Range& other) {
  DELTAHOP_CHECK(total_bits_ == other.total_bits_);
  count_ += other.count_;
  largest_ = std::max(largest_, other.largest_);
  for (size_t i = 0; i < octaves_.size(); ++i) octaves_[i] += other.octaves_[i];
}

}  // namespace deltahop
