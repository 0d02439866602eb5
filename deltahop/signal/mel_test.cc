// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/mel.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(MelScale, HtkIsItsLogarithm) {
  EXPECT_NEAR(mel_of(MelScale::htk, 700), 2595 * std::log10(2.0), 1e-9);
  EXPECT_NEAR(mel_of(MelScale::htk, 6300), 2595, 1e-9);
}

TEST(MelScale, SlaneyIsLinearUpToOneKilohertzAndThenAFactorOf64In27) {
  EXPECT_NEAR(mel_of(MelScale::slaney, 200), 3, 1e-12);
  EXPECT_NEAR(mel_of(MelScale::slaney, 1000), 15, 1e-12);
  EXPECT_NEAR(mel_of(MelScale::slaney, 6400), 42, 1e-12);
}

TEST(MelScale, HasAnInverse) {
  for (const MelScale scale : {MelScale::htk, MelScale::slaney}) {
    for (double hertz = 0; hertz < 24000; hertz += 97)
      EXPECT_NEAR(hertz_of(scale, mel_of(scale, hertz)), hertz, 1e-8);
  }
}

TEST(MelFilterbank, NeighbouringTrianglesAddUpToOne) {
  for (const MelTriangles triangles : {MelTriangles::mel, MelTriangles::hertz}) {
    const MelFilterbank bank({.bands = 20, .triangles = triangles, .low_Hz = 100, .high_Hz = 7000}, 16000,
                             1024);
    const double first = mel_of(MelScale::htk, 100);
    const double step = (mel_of(MelScale::htk, 7000) - first) / 21;
    for (int64_t bin = 0; bin <= 512; ++bin) {
      const double mel = mel_of(MelScale::htk, static_cast<double>(bin) * 16000 / 1024);
      if (mel < first + step || mel > first + 20 * step) continue;  // outside the tips of the first and last
      double sum = 0;
      for (int64_t band = 0; band < 20; ++band) sum += bank.weight(band, bin);
      EXPECT_NEAR(sum, 1, 1e-12) << bin;
    }
  }
}

TEST(MelFilterbank, GivesUnitAreaWhereAsked) {
  constexpr int64_t kSize = 1 << 16;
  const MelFilterbank bank(
      {.bands = 12, .scale = MelScale::slaney, .triangles = MelTriangles::hertz, .unit_area = true}, 16000,
      kSize);
  for (int64_t band = 0; band < 12; ++band) {
    double area = 0;
    for (int64_t bin = 0; bin <= kSize / 2; ++bin) area += bank.weight(band, bin) * 16000 / kSize;
    EXPECT_NEAR(area, 1, 1e-4);
  }
}

TEST(MelFilterbank, AppliesItsWeights) {
  const MelFilterbank bank({.bands = 8, .first_bin = 1}, 8000, 256);
  std::vector<double> spectrum;
  for (int i = 0; i <= 128; ++i) spectrum.push_back(1 + i % 7);
  std::vector<double> out(8);
  bank.apply(spectrum, out);
  for (int64_t band = 0; band < 8; ++band) {
    double sum = 0;
    for (int64_t bin = 0; bin <= 128; ++bin)
      sum += bank.weight(band, bin) * spectrum[static_cast<size_t>(bin)];
    EXPECT_NEAR(out[static_cast<size_t>(band)], sum, 1e-12);
    EXPECT_EQ(bank.weight(band, 0), 0);
  }
}

TEST(MelFilterbank, RefusesBandsThatCannotBe) {
  EXPECT_THAT([] { MelFilterbank({.bands = 80}, 16000, 256); },
              ThrowsMessage<Error>(HasSubstr("falls into band")));
  EXPECT_THAT([] { MelFilterbank({.high_Hz = 9000}, 16000, 512); },
              ThrowsMessage<Error>(HasSubstr("half the rate")));
  EXPECT_THROW(MelFilterbank({.low_Hz = 500, .high_Hz = 400}, 16000, 512), Error);
  EXPECT_THROW(MelFilterbank({.bands = 0}, 16000, 512), Error);
}

}  // namespace
}  // namespace deltahop
