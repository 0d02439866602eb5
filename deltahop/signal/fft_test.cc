// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/fft.h"

#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

std::vector<double> noise_of(int64_t length) {
  Random random(7);
  std::vector<double> samples;
  for (int64_t i = 0; i < length; ++i) samples.push_back(random.normal());
  return samples;
}

// Powers of two, sizes with factors 3, 5, 7 and large primes, and halves that are odd.
const std::vector<int64_t> kSizes = {2, 4, 6, 8, 10, 14, 30, 62, 94, 100, 256, 400, 512, 1026};

TEST(RealFft, IsTheSumThatDefinesIt) {
  for (const int64_t size : kSizes) {
    const auto samples = noise_of(size);
    RealFft fft(size);
    std::vector<std::complex<double>> spectrum(static_cast<size_t>(fft.bins()));
    fft.forward(samples, spectrum);
    for (size_t k = 0; k < spectrum.size(); ++k) {
      std::complex<double> sum;
      for (size_t n = 0; n < samples.size(); ++n) {
        const double turns = static_cast<double>(k * n % samples.size()) / static_cast<double>(size);
        sum += std::polar(1.0, -2 * std::numbers::pi * turns) * samples[n];
      }
      EXPECT_NEAR(std::abs(spectrum[k] - sum), 0, 1e-12 * static_cast<double>(size)) << size << " bin " << k;
    }
  }
}

TEST(RealFft, GivesTheSamplesBack) {
  for (const int64_t size : kSizes) {
    const auto samples = noise_of(size);
    RealFft fft(size);
    std::vector<std::complex<double>> spectrum(static_cast<size_t>(fft.bins()));
    std::vector<double> again(samples.size());
    fft.forward(samples, spectrum);
    fft.inverse(spectrum, again);
    for (size_t n = 0; n < samples.size(); ++n)
      EXPECT_NEAR(again[n], samples[n], 1e-13 * static_cast<double>(size));
  }
}

TEST(RealFft, RefusesSizesThatItCannotDo) {
  for (const int64_t size : {int64_t{-2}, int64_t{0}, int64_t{1}, int64_t{7}, int64_t{1} << 40})
    EXPECT_THROW(RealFft{size}, Error);
}

}  // namespace
}  // namespace deltahop
