// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/resize.h"

#include <algorithm>
#include <cmath>

namespace deltahop {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;

// For each output position the first input position and the weights, which add up to 2^22.
struct Taps {
  struct Position {
    int64_t first = 0;
    std::vector<int32_t> weights;
  };
  std::vector<Position> positions;
};

Taps bilinear_taps(int64_t input, int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter_scale;  // the triangle reaches one step to either side
  Taps taps;
  for (int64_t position = 0; position < output; ++position) {
    const double center = (static_cast<double>(position) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const auto last = std::min<int64_t>(static_cast<int64_t>(center + support + 0.5), input);
    std::vector<double> weights;
    double sum = 0;
    for (int64_t at = first; at < last; ++at) {
      const double distance = (static_cast<double>(at) - center + 0.5) * (1.0 / filter_scale);
      weights.push_back(std::max(0.0, 1.0 - std::abs(distance)));
      sum += weights.back();
    }
    Taps::Position result{first, {}};
    for (const double weight : weights) {
      result.weights.push_back(
          static_cast<int32_t>(0.5 + (sum != 0 ? weight / sum : weight) * (1 << kPrecisionBits)));
    }
    taps.positions.push_back(std::move(result));
  }
  return taps;
}

uint8_t clipped(int64_t sum) {
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> kPrecisionBits, 0, 255));
}

// Along the middle of [outer, length, inner].
std::vector<uint8_t> resampled(std::span<const uint8_t> source, int64_t outer, int64_t length, int64_t inner,
                               int64_t output) {
  const Taps taps = bilinear_taps(length, output);
  std::vector<uint8_t> result(static_cast<size_t>(outer * output * inner));
  std::vector<int64_t> sums(static_cast<size_t>(inner));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t position = 0; position < output; ++position) {
      const Taps::Position& tap = taps.positions[static_cast<size_t>(position)];
      std::fill(sums.begin(), sums.end(), int64_t{1} << (kPrecisionBits - 1));
      for (size_t t = 0; t < tap.weights.size(); ++t) {
        const uint8_t* row =
            &source[static_cast<size_t>((o * length + tap.first + static_cast<int64_t>(t)) * inner)];
        for (size_t i = 0; i < sums.size(); ++i) sums[i] += int64_t{row[i]} * tap.weights[t];
      }
      uint8_t* target = &result[static_cast<size_t>((o * output + position) * inner)];
      for (size_t i = 0; i < sums.size(); ++i) target[i] = clipped(sums[i]);
    }
  }
  return result;
}

}  // namespace

Tensor resized(const Tensor& picture, int64_t rows, int64_t columns) {
  DELTAHOP_CHECK(picture.rank() == 3 && rows > 0 && columns > 0 && picture.size() > 0);
  const int64_t height = picture.dim(0), width = picture.dim(1), channels = picture.dim(2);
  const auto source = picture.values<uint8_t>();
  std::vector<uint8_t> pixels(source.begin(), source.end());
  if (columns != width) pixels = resampled(pixels, height, width, channels, columns);
  if (rows != height) pixels = resampled(pixels, 1, height, columns * channels, rows);
  return Tensor::of<uint8_t>({rows, columns, channels}, pixels);
}

}  // namespace deltahop
