// SPDX-License-Identifier: Apache-2.0
// Cepstral coefficients of log mel energies: a DCT-II and a lifter.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deltahop {

enum class DctScale : uint8_t {
  orthonormal,  // sqrt(2/N), the first coefficient sqrt(1/N)
  htk           // sqrt(2/N) for all: HTK, TensorFlow
};
const std::vector<std::string>& dct_scale_names();

struct CepstrumOptions {
  int64_t coefficients = 13;
  DctScale scale = DctScale::orthonormal;
  double lifter = 0;  // L > 0: coefficient n times 1 + L/2 sin(pi n / L)
};

class Cepstrum {
 public:
  // Throws Error (place: "mfcc") unless 1 <= coefficients <= bands.
  Cepstrum(const CepstrumOptions& options, int64_t bands);
  // log_energies: [bands], out: [coefficients].
  void apply(std::span<const double> log_energies, std::span<double> out) const;

 private:
  int64_t bands_;
  std::vector<double> matrix_;  // [coefficients, bands]
};

}  // namespace deltahop
