// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/cepstrum.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

std::vector<double> cepstrum_of(const CepstrumOptions& options, const std::vector<double>& bands) {
  std::vector<double> out(static_cast<size_t>(options.coefficients));
  Cepstrum(options, static_cast<int64_t>(bands.size())).apply(bands, out);
  return out;
}

TEST(Cepstrum, OrthonormalKeepsTheEnergy) {
  Random random(1);
  std::vector<double> bands(26);
  double energy = 0;
  for (double& band : bands) energy += std::pow(band = random.normal(), 2);
  double kept = 0;
  for (const double value : cepstrum_of({.coefficients = 26}, bands)) kept += value * value;
  EXPECT_NEAR(kept, energy, 1e-12);
}

TEST(Cepstrum, OfACosineIsOneCoefficient) {
  // cos(pi 3 (j + 1/2) / 16) is the third basis vector; its squares add up to 8.
  std::vector<double> bands;
  for (int j = 0; j < 16; ++j) bands.push_back(std::cos(std::acos(-1.0) * 3 * (j + 0.5) / 16));
  const auto out = cepstrum_of({.coefficients = 16}, bands);
  for (size_t n = 0; n < 16; ++n) EXPECT_NEAR(out[n], n == 3 ? std::sqrt(8.0) : 0, 1e-12);
}

TEST(Cepstrum, HtkScaleDiffersInTheFirstCoefficientOnly) {
  const std::vector<double> bands = {1, 4, 9, 16, 25};
  const auto ortho = cepstrum_of({.coefficients = 5}, bands);
  const auto htk = cepstrum_of({.coefficients = 5, .scale = DctScale::htk}, bands);
  EXPECT_NEAR(htk[0], ortho[0] * std::sqrt(2.0), 1e-12);
  for (size_t n = 1; n < 5; ++n) EXPECT_NEAR(htk[n], ortho[n], 1e-12);
}

TEST(Cepstrum, LiftsTheMiddleMost) {
  const std::vector<double> bands = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
  const auto plain = cepstrum_of({.coefficients = 12}, bands);
  const auto lifted = cepstrum_of({.coefficients = 12, .lifter = 22}, bands);
  EXPECT_NEAR(lifted[0], plain[0], 1e-12);
  EXPECT_NEAR(lifted[11], 12 * plain[11], 1e-11);  // 1 + 22/2 sin(pi/2)
}

TEST(Cepstrum, RefusesMoreCoefficientsThanBands) {
  EXPECT_THROW(Cepstrum({.coefficients = 14}, 13), Error);
  EXPECT_THROW(Cepstrum({.coefficients = 0}, 13), Error);
  EXPECT_THROW(Cepstrum({.coefficients = 13, .lifter = -1}, 13), Error);
}

}  // namespace
}  // namespace deltahop
