// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/mix.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<float> noise_of(int64_t length, uint64_t seed, double scale) {
  Random random(seed);
  std::vector<float> samples;
  for (int64_t i = 0; i < length; ++i) samples.push_back(static_cast<float>(scale * random.normal()));
  return samples;
}

TEST(Mix, ReachesTheRatioThatWasAskedFor) {
  const auto speech = noise_of(8000, 1, 0.1);
  const auto noise = noise_of(8000, 2, 0.7);
  for (const double snr : {-20.0, -5.0, 0.0, 15.0, 50.0}) {
    const auto sum = mixed(speech, noise, snr);
    std::vector<float> added;
    for (size_t i = 0; i < sum.size(); ++i) added.push_back(sum[i] - speech[i]);
    // What was added is the sum rounded to float less the speech: at 50 dB that costs a few 1e-5 of its
    // power.
    EXPECT_NEAR(10 * std::log10(mean_power(speech) / mean_power(added)), snr, 1e-3);
  }
}

TEST(Mix, RefusesSilenceAndOtherLengths) {
  const std::vector<float> sound = {0.5F, -0.5F};
  const std::vector<float> silence = {0, 0};
  EXPECT_THAT([&] { mixed(sound, silence, 5); }, ThrowsMessage<Error>(HasSubstr("the noise is silent")));
  EXPECT_THAT([&] { mixed(silence, sound, 5); }, ThrowsMessage<Error>(HasSubstr("the speech is silent")));
  EXPECT_THROW(mixed(sound, std::vector<float>{1}, 5), Error);
}

TEST(NoiseSegment, ComesFromARandomPlaceOrIsRepeated) {
  Random random(4);
  const std::vector<float> noise = {1, 2, 3, 4, 5};
  for (int i = 0; i < 20; ++i) {
    const auto segment = noise_segment(noise, 3, random);
    EXPECT_THAT(segment, ElementsAre(segment[0], segment[0] + 1, segment[0] + 2));
  }
  EXPECT_THAT(noise_segment(noise, 7, random), ElementsAre(1, 2, 3, 4, 5, 1, 2));
  EXPECT_THROW(noise_segment({}, 7, random), Error);
}

TEST(SiSdr, IsTheRatioOfWhatIsAlongTheReferenceToTheRest) {
  // Means of zero, at right angles: |2 s|^2 = 16, |n|^2 = 0.16.
  const std::vector<float> reference = {1, -1, 1, -1};
  const std::vector<float> estimate = {2.2F, -1.8F, 1.8F, -2.2F};
  EXPECT_NEAR(si_sdr_dB(estimate, reference), 20, 1e-5);
}

TEST(SiSdr, DoesNotKnowLoudnessOrOffset) {
  const auto reference = noise_of(1000, 5, 0.3);
  auto estimate = mixed(reference, noise_of(1000, 6, 1), 7);
  const double before = si_sdr_dB(estimate, reference);
  for (float& sample : estimate) sample = 4 * sample + 1;
  EXPECT_NEAR(si_sdr_dB(estimate, reference), before, 1e-4);
}

TEST(SiSdr, OfTheReferenceItselfIsInfinite) {
  const std::vector<float> reference = {0.5F, -0.25F, 0.125F, -0.375F};
  EXPECT_EQ(si_sdr_dB(reference, reference), std::numeric_limits<double>::infinity());
  EXPECT_THROW(si_sdr_dB(reference, std::vector<float>(4)), Error);
  EXPECT_EQ(si_sdr_dB(std::vector<float>(4), reference), -std::numeric_limits<double>::infinity());
  EXPECT_THROW(si_sdr_dB(std::vector<float>(3), reference), Error);
}

}  // namespace
}  // namespace deltahop
