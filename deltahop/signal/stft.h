// SPDX-License-Identifier: Apache-2.0
// Spectra of windowed frames, and sound out of frames or spectra again by overlap and add. Both work on a
// stream; a whole file is a stream that comes in one piece, so the numbers are the same bit for bit.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/signal/fft.h"
#include "deltahop/signal/window.h"

namespace deltahop {

// One frame at a time: weights, zeros up to the size of the transform, transform.
class FrameSpectrum {
 public:
  // fft_size 0: the next power of two. Throws Error (place: "fft") where it is smaller than the frame.
  FrameSpectrum(int64_t frame_length, Window window, int64_t fft_size = 0);

  int64_t bins() const { return fft_.bins(); }
  int64_t fft_size() const { return fft_.size(); }
  // The answer lives until the next call. frame: [frame_length].
  std::span<const std::complex<double>> operator()(std::span<const float> frame);

 private:
  RealFft fft_;
  std::vector<double> weights_, padded_;
  std::vector<std::complex<double>> spectrum_;
};

// The smallest power of two that is not below `length`.
int64_t next_power_of_two(int64_t length);

// Adds overlapping frames up; every frame pushes out `hop` finished samples.
class OverlapAdd {
 public:
  // 1 <= hop <= length, else Error (place: "frame").
  OverlapAdd(int64_t length, int64_t hop);
  // Appends hop samples. frame: [length].
  void add(std::span<const double> frame, std::vector<double>& out);
  // Appends the length - hop samples that are left.
  void finish(std::vector<double>& out);
  void reset();

 private:
  int64_t hop_;
  std::vector<double> sums_;
};

// x from its short-time spectra: each frame is weighted again, and the sum divided by the sum of the squared
// weights, so that unchanged spectra give unchanged samples wherever some weight is not zero.
class InverseStft {
 public:
  InverseStft(int64_t frame_length, int64_t hop, Window window, int64_t fft_size = 0);
  void add(std::span<const std::complex<double>> spectrum, std::vector<float>& out);  // appends hop samples
  void finish(std::vector<float>& out);
  void reset();

 private:
  void append(std::vector<float>& out);

  RealFft fft_;
  std::vector<double> weights_, squares_, samples_, frame_;
  OverlapAdd sums_, scales_;
  std::vector<double> sum_, scale_;  // what is finished, before the division
};

}  // namespace deltahop
