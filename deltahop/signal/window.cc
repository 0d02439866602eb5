// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/window.h"

#include <cmath>
#include <numbers>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

double weight_at(Window window, double angle) {
  switch (window) {
    case Window::rectangular:
      return 1;
    case Window::hann:
    case Window::symmetric_hann:
      return 0.5 - 0.5 * std::cos(angle);
    case Window::sqrt_hann:
      return std::sqrt(0.5 - 0.5 * std::cos(angle));
    case Window::hamming:
    case Window::symmetric_hamming:
      return 0.54 - 0.46 * std::cos(angle);
    case Window::blackman:
    case Window::symmetric_blackman:
      return 0.42 - 0.5 * std::cos(angle) + 0.08 * std::cos(2 * angle);
  }
  check_failed("window", __FILE__, __LINE__);
}

}  // namespace

std::vector<double> window_weights(Window window, int64_t length) {
  DELTAHOP_CHECK(length >= 1);
  const bool symmetric = window >= Window::symmetric_hann;
  const double period = static_cast<double>(symmetric ? length - 1 : length);
  std::vector<double> weights(static_cast<size_t>(length), 1.0);
  if (length == 1) return weights;
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = weight_at(window, 2 * std::numbers::pi * static_cast<double>(i) / period);
  return weights;
}

const std::vector<std::string>& window_names() {
  static const std::vector<std::string> names = {
      "rectangular", "hann",           "sqrt_hann",         "hamming",
      "blackman",    "symmetric_hann", "symmetric_hamming", "symmetric_blackman"};
  return names;
}

std::string_view name_of(Window window) { return window_names().at(static_cast<size_t>(window)); }

}  // namespace deltahop
