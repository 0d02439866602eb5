// SPDX-License-Identifier: Apache-2.0
// The discrete Fourier transform of real samples in double precision, by kissfft.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>

namespace deltahop {

// One object a thread: it keeps scratch memory.
class RealFft {
 public:
  // Throws Error (place: "fft") unless size is even and 2 <= size <= 2^22.
  explicit RealFft(int64_t size);
  RealFft(RealFft&&) noexcept;
  RealFft& operator=(RealFft&&) noexcept;
  ~RealFft();

  int64_t size() const { return size_; }
  int64_t bins() const { return size_ / 2 + 1; }
  // spectrum[k] = sum over n of samples[n] exp(-2 pi i k n / size). samples: [size], spectrum: [bins].
  void forward(std::span<const double> samples, std::span<std::complex<double>> spectrum);
  // The inverse, divided by size: inverse(forward(x)) = x. Imaginary parts of the first and last bin are
  // ignored.
  void inverse(std::span<const std::complex<double>> spectrum, std::span<double> samples);

 private:
  struct Plans;
  int64_t size_;
  std::unique_ptr<Plans> plans_;
};

}  // namespace deltahop
