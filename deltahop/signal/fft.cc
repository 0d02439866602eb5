// SPDX-License-Identifier: Apache-2.0
// A real transform of N points is a complex one of N/2 points and a pass over its bins; kissfft does both
// ways of the first and the pass of the forward one.
#include "deltahop/signal/fft.h"

#include <kissfft/kissfft.hh>

#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

using Complex = std::complex<double>;

struct RealFft::Plans {
  explicit Plans(size_t half)
      : forward(half, false), inverse(half, true), turns(half), folded(half), unfolded(half) {
    const double step = std::numbers::pi / static_cast<double>(half);
    for (size_t k = 0; k < half; ++k) turns[k] = std::polar(1.0, step * static_cast<double>(k));
  }
  kissfft<double> forward, inverse;
  std::vector<Complex> turns;  // exp(2 pi i k / size)
  std::vector<Complex> folded, unfolded;
};

namespace {

int64_t checked_size(int64_t size) {
  constexpr int64_t kMost = int64_t{1} << 22;
  if (size < 2 || size > kMost || size % 2 != 0)
    throw Error("fft", fmt::format("{} points", size),
                fmt::format("take an even number up to {}, best a power of two", kMost));
  return size;
}

}  // namespace

RealFft::RealFft(int64_t size)
    : size_(checked_size(size)), plans_(std::make_unique<Plans>(static_cast<size_t>(size / 2))) {}
RealFft::RealFft(RealFft&&) noexcept = default;
RealFft& RealFft::operator=(RealFft&&) noexcept = default;
RealFft::~RealFft() = default;

void RealFft::forward(std::span<const double> samples, std::span<Complex> spectrum) {
  const auto half = static_cast<size_t>(size_ / 2);
  DELTAHOP_CHECK(samples.size() == 2 * half && spectrum.size() == half + 1);
  plans_->forward.transform_real(samples.data(), spectrum.data());
  spectrum[half] = {spectrum[0].imag(), 0.0};  // kissfft packs the last bin beside the first
  spectrum[0] = {spectrum[0].real(), 0.0};
}

void RealFft::inverse(std::span<const Complex> spectrum, std::span<double> samples) {
  const auto half = static_cast<size_t>(size_ / 2);
  DELTAHOP_CHECK(samples.size() == 2 * half && spectrum.size() == half + 1);
  // Even samples are the real part, odd ones the imaginary part of a complex series of half the length.
  for (size_t k = 0; k < half; ++k) {
    const Complex low = k == 0 ? spectrum[0].real() : spectrum[k];
    const Complex high = k == 0 ? spectrum[half].real() : std::conj(spectrum[half - k]);
    const Complex even = low + high;
    const Complex odd = (low - high) * plans_->turns[k];
    plans_->folded[k] = {even.real() - odd.imag(), even.imag() + odd.real()};
  }
  plans_->inverse.transform(plans_->folded.data(), plans_->unfolded.data());
  const double scale = 1.0 / static_cast<double>(size_);
  for (size_t n = 0; n < half; ++n) {
    samples[2 * n] = plans_->unfolded[n].real() * scale;
    samples[2 * n + 1] = plans_->unfolded[n].imag() * scale;
  }
}

}  // namespace deltahop
