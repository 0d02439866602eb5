// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/augment.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/signal/mix.h"

namespace deltahop {
namespace {

using testing::Each;

std::vector<float> once(const std::vector<float>& picture, const PictureShape& shape,
                        const ArrayAugmentation& rule, int64_t example, std::vector<float> black = {-1, -2}) {
  std::vector<float> out(picture.size());
  Random random = random_of(1, 0, example);
  augmented(picture, shape, rule, black, random, out);
  return out;
}

TEST(Augment, NothingAskedForChangesNothing) {
  const std::vector<float> picture = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(once(picture, {2, 2, 2}, {}, 0), picture);
}

TEST(Augment, AShiftMovesTheWholePictureAndBringsInBlack) {
  // One bright pixel in the middle of 3x3: it lands on each of the nine places, all others are black.
  std::vector<float> picture(9, 5);
  picture[4] = 9;
  std::map<int64_t, int> seen;
  for (int64_t example = 0; example < 900; ++example) {
    const std::vector<float> out = once(picture, {1, 3, 3}, {.shift = 1}, example);
    const int64_t place = std::max_element(out.begin(), out.end()) - out.begin();
    ++seen[place];
    // What came in: a row where it moved up or down, a column where it moved to a side.
    const int64_t rows = place / 3 == 1 ? 0 : 3, columns = place % 3 == 1 ? 0 : 3;
    EXPECT_EQ(std::count(out.begin(), out.end(), -1.0F), rows + columns - (rows > 0 && columns > 0 ? 1 : 0));
  }
  EXPECT_EQ(seen.size(), 9);
  for (const auto& [place, count] : seen) EXPECT_NEAR(count, 100, 50) << place;  // five deviations
}

TEST(Augment, ACropIsPaddedWithTheMeanColour) {
  const std::vector<float> out = once(std::vector<float>(8, 7), {2, 2, 2}, {.crop = 8}, 3);
  for (const float value : out) EXPECT_TRUE(value == 7 || value == 0);
}

TEST(Augment, AFlipMirrorsEveryChannelForAboutHalfTheExamples) {
  const std::vector<float> picture = {1, 2, 3, 4, 5, 6, 7, 8}, mirror = {2, 1, 4, 3, 6, 5, 8, 7};
  int flipped = 0;
  for (int64_t example = 0; example < 1000; ++example) {
    const std::vector<float> out = once(picture, {2, 2, 2}, {.flip = true}, example);
    EXPECT_TRUE(out == picture || out == mirror);
    flipped += out == mirror ? 1 : 0;
  }
  EXPECT_NEAR(flipped, 500, 80);  // five deviations
}

TEST(Augment, NoiseHasTheDeviationAskedFor) {
  const std::vector<float> out = once(std::vector<float>(10000, 3), {1, 100, 100}, {.noise = 0.5}, 0);
  double sum = 0, squares = 0;
  for (const float value : out) sum += value - 3, squares += (value - 3) * (value - 3);
  EXPECT_NEAR(sum / 1e4, 0, 0.025);
  EXPECT_NEAR(std::sqrt(squares / 1e4), 0.5, 0.02);
}

TEST(Augment, NumbersBelongToSeedEpochAndExample) {
  EXPECT_EQ(random_of(1, 2, 3).bits(), random_of(1, 2, 3).bits());
  std::map<uint64_t, int> seen;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (int64_t epoch = 0; epoch < 10; ++epoch) {
      for (int64_t example = 0; example < 10; ++example) ++seen[random_of(seed, epoch, example).bits()];
    }
  }
  EXPECT_EQ(seen.size(), 1000);
}

TEST(Augment, NoisySpeechHasTheRatioDrawn) {
  std::vector<float> speech(4000), noise(16000);
  Random random(7);
  for (float& value : speech) value = static_cast<float>(random.normal());
  for (float& value : noise) value = static_cast<float>(0.1 * random.normal());
  const std::vector<float> mix = noisy(speech, {noise}, {6.0}, 1.0, random);
  std::vector<float> rest;
  for (size_t i = 0; i < mix.size(); ++i) rest.push_back(mix[i] - speech[i]);
  EXPECT_NEAR(10 * std::log10(mean_power(speech) / mean_power(rest)), 6.0, 1e-3);
}

TEST(Augment, SilenceAndCleanSharesStayAsTheyAre) {
  Random random(7);
  const std::vector<float> silence(100, 0.0F), speech(100, 0.5F), noise(1000, 0.1F);
  EXPECT_THAT(noisy(silence, {noise}, {0.0}, 1.0, random), Each(0.0F));
  EXPECT_EQ(noisy(speech, {silence}, {0.0}, 1.0, random), speech);
  EXPECT_EQ(noisy(speech, {noise}, {0.0}, 0.0, random), speech);
}

}  // namespace
}  // namespace deltahop
