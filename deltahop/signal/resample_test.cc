// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

std::vector<float> tone(double frequency_Hz, int64_t rate_Hz, int64_t length) {
  std::vector<float> samples;
  for (int64_t i = 0; i < length; ++i) {
    const double turns = frequency_Hz * static_cast<double>(i) / static_cast<double>(rate_Hz);
    samples.push_back(static_cast<float>(std::sin(2 * std::numbers::pi * turns)));
  }
  return samples;
}

TEST(Resampler, KeepsAToneInItsPlace) {
  for (const int64_t from : {8000, 11025, 44100, 48000}) {
    const auto out = resampled(tone(1000, from, from), from, 16000);
    ASSERT_NEAR(static_cast<double>(out.size()), 16000, 2);
    const auto wanted = tone(1000, 16000, 16000);
    for (size_t i = 1000; i < 15000; ++i) ASSERT_NEAR(out[i], wanted[i], 1e-4) << from << " Hz, sample " << i;
  }
}

TEST(Resampler, TakesAwayWhatTheNewRateCannotHold) {
  const auto out = resampled(tone(12000, 48000, 48000), 48000, 16000);
  for (size_t i = 1000; i < 15000; ++i) ASSERT_NEAR(out[i], 0, 1e-4);
}

TEST(Resampler, GivesTheSameNumbersForAStreamAndAWholeFile) {
  Random random(3);
  std::vector<float> samples(10007);
  for (float& sample : samples) sample = static_cast<float>(random.uniform(-1, 1));
  for (const int64_t from : {8000, 44100}) {
    const auto whole = resampled(samples, from, 16000);
    for (int run = 0; run < 4; ++run) {
      Resampler resampler(from, 16000);
      std::vector<float> out;
      for (size_t start = 0; start < samples.size();) {
        const size_t count = std::min(samples.size() - start, static_cast<size_t>(random.integer(0, 900)));
        resampler.push(std::span(samples).subspan(start, count), out);
        start += count;
      }
      resampler.finish(out);
      EXPECT_EQ(out, whole);
    }
  }
}

TEST(Resampler, StartsAnewAfterTheEnd) {
  const auto samples = tone(440, 8000, 3000);
  Resampler resampler(8000, 16000);
  std::vector<float> first;
  std::vector<float> second;
  for (std::vector<float>* out : {&first, &second}) {
    resampler.push(samples, *out);
    resampler.finish(*out);
  }
  EXPECT_EQ(first, second);
}

TEST(Resampler, EqualRatesChangeNothing) {
  const std::vector<float> samples = {0.25F, -1.0F, 0.5F};
  EXPECT_EQ(resampled(samples, 16000, 16000), samples);
}

TEST(Resampler, RefusesRatesTooFarApart) {
  EXPECT_THROW(Resampler(1, 16000), Error);
  EXPECT_THROW(Resampler(16000, 0), Error);
}

}  // namespace
}  // namespace deltahop
