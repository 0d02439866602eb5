// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/stft.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

int64_t transform_size(int64_t frame_length, int64_t fft_size) {
  if (fft_size == 0) return std::max<int64_t>(next_power_of_two(frame_length), 2);
  if (fft_size < frame_length)
    throw Error("fft",
                fmt::format("{} points are fewer than the {} samples of a frame", fft_size, frame_length),
                "take more points or a shorter frame");
  return fft_size;
}

// A weight whose square is below this cannot give the sample back.
constexpr double kSmallestSquare = 1e-10;

}  // namespace

int64_t next_power_of_two(int64_t length) {
  int64_t size = 1;
  while (size < length) size *= 2;
  return size;
}

FrameSpectrum::FrameSpectrum(int64_t frame_length, Window window, int64_t fft_size)
    : fft_(transform_size(frame_length, fft_size)),
      weights_(window_weights(window, frame_length)),
      padded_(static_cast<size_t>(fft_.size())),
      spectrum_(static_cast<size_t>(fft_.bins())) {}

std::span<const std::complex<double>> FrameSpectrum::operator()(std::span<const float> frame) {
  DELTAHOP_CHECK(frame.size() == weights_.size());
  for (size_t i = 0; i < frame.size(); ++i) padded_[i] = static_cast<double>(frame[i]) * weights_[i];
  fft_.forward(padded_, spectrum_);
  return spectrum_;
}

OverlapAdd::OverlapAdd(int64_t length, int64_t hop) : hop_(hop) {
  if (hop < 1 || hop > length)
    throw Error("frame", fmt::format("a hop of {} samples leaves gaps between frames of {}", hop, length),
                "take a hop between 1 and the length");
  sums_.resize(static_cast<size_t>(length));
}

void OverlapAdd::add(std::span<const double> frame, std::vector<double>& out) {
  DELTAHOP_CHECK(frame.size() == sums_.size());
  for (size_t i = 0; i < frame.size(); ++i) sums_[i] += frame[i];
  out.insert(out.end(), sums_.begin(), sums_.begin() + hop_);
  std::fill(std::copy(sums_.begin() + hop_, sums_.end(), sums_.begin()), sums_.end(), 0.0);
}

void OverlapAdd::finish(std::vector<double>& out) {
  out.insert(out.end(), sums_.begin(), sums_.end() - hop_);
  reset();
}

void OverlapAdd::reset() { std::fill(sums_.begin(), sums_.end(), 0.0); }

InverseStft::InverseStft(int64_t frame_length, int64_t hop, Window window, int64_t fft_size)
    : fft_(transform_size(frame_length, fft_size)),
      weights_(window_weights(window, frame_length)),
      samples_(static_cast<size_t>(fft_.size())),
      frame_(weights_.size()),
      sums_(frame_length, hop),
      scales_(frame_length, hop) {
  for (const double weight : weights_) squares_.push_back(weight * weight);
}

void InverseStft::add(std::span<const std::complex<double>> spectrum, std::vector<float>& out) {
  fft_.inverse(spectrum, samples_);
  for (size_t i = 0; i < frame_.size(); ++i) frame_[i] = samples_[i] * weights_[i];
  sums_.add(frame_, sum_);
  scales_.add(squares_, scale_);
  append(out);
}

void InverseStft::finish(std::vector<float>& out) {
  sums_.finish(sum_);
  scales_.finish(scale_);
  append(out);
}

void InverseStft::append(std::vector<float>& out) {
  for (size_t i = 0; i < sum_.size(); ++i)
    out.push_back(scale_[i] > kSmallestSquare ? static_cast<float>(sum_[i] / scale_[i]) : 0.0F);
  sum_.clear();
  scale_.clear();
}

void InverseStft::reset() {
  sums_.reset();
  scales_.reset();
}

}  // namespace deltahop
