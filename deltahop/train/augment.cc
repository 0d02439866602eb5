// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/augment.h"

#include <algorithm>

#include "deltahop/base/error.h"
#include "deltahop/signal/mix.h"

namespace deltahop {
namespace {

// The finaliser of SplitMix64: neighbours become strangers.
uint64_t scrambled(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

struct Move {
  int64_t down = 0, right = 0;
};

Move drawn_move(int64_t most, Random& random) {
  const int64_t down = random.integer(-most, most);
  return {down, random.integer(-most, most)};
}

// One plane moved; what comes in from outside is `fill`.
void move_plane(std::span<const float> from, const PictureShape& shape, const Move& move, float fill,
                std::span<float> to) {
  const int64_t first = std::clamp<int64_t>(move.right, 0, shape.columns),
                end = std::clamp<int64_t>(shape.columns + move.right, 0, shape.columns);
  for (int64_t row = 0; row < shape.rows; ++row) {
    float* const out = to.data() + row * shape.columns;
    const int64_t source = row - move.down;
    std::fill_n(out, shape.columns, fill);
    if (source < 0 || source >= shape.rows || first >= end) continue;
    std::copy_n(from.data() + source * shape.columns + first - move.right, end - first, out + first);
  }
}

}  // namespace

Random random_of(uint64_t seed, int64_t epoch, int64_t example) {
  const uint64_t of_epoch = scrambled(seed + 0x9e3779b97f4a7c15 * static_cast<uint64_t>(epoch + 1));
  return Random(scrambled(of_epoch + 0x9e3779b97f4a7c15 * static_cast<uint64_t>(example + 1)));
}

void augmented(std::span<const float> picture, const PictureShape& shape, const ArrayAugmentation& rule,
               const std::vector<float>& black, Random& random, std::span<float> out) {
  DELTAHOP_CHECK(picture.size() == out.size());
  const Move shift = drawn_move(rule.shift, random), crop = drawn_move(rule.crop, random);
  const bool mirrored = rule.flip && random.chance(0.5);
  const auto plane = static_cast<size_t>(shape.rows * shape.columns);
  std::vector<float> between(plane);
  for (size_t channel = 0; channel < static_cast<size_t>(shape.channels); ++channel) {
    const std::span<float> to = out.subspan(channel * plane, plane);
    move_plane(picture.subspan(channel * plane, plane), shape, shift, black.at(channel), between);
    move_plane(between, shape, crop, 0.0F, to);
    if (!mirrored) continue;
    for (int64_t row = 0; row < shape.rows; ++row)
      std::reverse(to.begin() + row * shape.columns, to.begin() + (row + 1) * shape.columns);
  }
  if (rule.noise <= 0) return;
  for (float& value : out) value += static_cast<float>(rule.noise * random.normal());
}

std::vector<float> noisy(const std::vector<float>& speech, const std::vector<std::vector<float>>& noises,
                         const std::vector<double>& snr_dB, double share, Random& random) {
  DELTAHOP_CHECK(!noises.empty() && !snr_dB.empty());
  // All is drawn before anything is decided, so that one example takes as many numbers as the next.
  const bool mixes = random.chance(share);
  const auto& noise = noises[static_cast<size_t>(random.integer(0, static_cast<int64_t>(noises.size()) - 1))];
  const double snr = snr_dB[static_cast<size_t>(random.integer(0, static_cast<int64_t>(snr_dB.size()) - 1))];
  const std::vector<float> segment = noise_segment(noise, static_cast<int64_t>(speech.size()), random);
  if (!mixes || mean_power(speech) == 0 || mean_power(segment) == 0) return speech;
  return mixed(speech, segment, snr);
}

}  // namespace deltahop
