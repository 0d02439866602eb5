// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers that are the same on every platform: the engine is the standard's, the distributions
// are not, because theirs differ between libraries.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace deltahop {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t bits() { return engine_(); }
  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Uniform integer in [low, high], both included; the tiny bias of the multiply method is below 2^-40 for
  // our ranges.
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(uniform() * static_cast<double>(high - low + 1));
  }
  bool chance(double probability) { return uniform() < probability; }
  // Standard normal by Box and Muller's transform.
  double normal() {
    constexpr double kTwoPi = 6.283185307179586;
    return std::sqrt(-2.0 * std::log(1.0 - uniform())) * std::cos(kTwoPi * uniform());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace deltahop
