// SPDX-License-Identifier: Apache-2.0
// The weights that taper a frame of sound before its spectrum is taken.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

// Without a word, periodic: w[n] = w[n + length], as spectra that are added up again need; `symmetric` has
// equal ends.
enum class Window : uint8_t {
  rectangular,
  hann,       // 0.5 - 0.5 cos
  sqrt_hann,  // its root: analysis and synthesis with it make one hann
  hamming,    // 0.54 - 0.46 cos
  blackman,   // 0.42 - 0.5 cos + 0.08 cos of twice the angle
  symmetric_hann,
  symmetric_hamming,
  symmetric_blackman
};

std::vector<double> window_weights(Window window, int64_t length);

const std::vector<std::string>& window_names();  // in the order of the enumeration
std::string_view name_of(Window window);

}  // namespace deltahop
