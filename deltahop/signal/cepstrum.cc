// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/cepstrum.h"

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

const std::vector<std::string>& dct_scale_names() {
  static const std::vector<std::string> names = {"orthonormal", "htk"};
  return names;
}

Cepstrum::Cepstrum(const CepstrumOptions& options, int64_t bands) : bands_(bands) {
  if (options.coefficients < 1 || options.coefficients > bands)
    throw Error("mfcc", fmt::format("{} coefficients of {} mel bands", options.coefficients, bands),
                "take between 1 and as many as there are bands");
  if (!(options.lifter >= 0))
    throw Error("mfcc", fmt::format("a lifter of {}", options.lifter), "0 means none");
  const auto count = static_cast<double>(bands);
  for (int64_t n = 0; n < options.coefficients; ++n) {
    const bool flat = n == 0 && options.scale == DctScale::orthonormal;
    double scale = std::sqrt((flat ? 1 : 2) / count);
    if (options.lifter > 0)
      scale *= 1 + options.lifter / 2 * std::sin(std::numbers::pi * static_cast<double>(n) / options.lifter);
    for (int64_t band = 0; band < bands; ++band) {
      const double angle =
          std::numbers::pi * static_cast<double>(n) * (static_cast<double>(band) + 0.5) / count;
      matrix_.push_back(scale * std::cos(angle));
    }
  }
}

void Cepstrum::apply(std::span<const double> log_energies, std::span<double> out) const {
  const auto bands = static_cast<size_t>(bands_);
  DELTAHOP_CHECK(log_energies.size() == bands && out.size() * bands == matrix_.size());
  for (size_t n = 0; n < out.size(); ++n) {
    double sum = 0;
    for (size_t band = 0; band < bands; ++band) sum += matrix_[n * bands + band] * log_energies[band];
    out[n] = sum;
  }
}

}  // namespace deltahop
