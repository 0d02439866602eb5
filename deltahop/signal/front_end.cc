// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/front_end.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

double logarithm(const LogOptions& options, double value) {
  const double kept = std::max(value, options.floor) + options.offset;
  return options.decibel ? 10 * std::log10(kept) : std::log(kept);
}

void check_log(const LogOptions& options) {
  if (!(options.floor >= 0) || !(options.offset >= 0) || options.floor + options.offset <= 0)
    throw Error("log", fmt::format("floor {} and offset {}", options.floor, options.offset),
                "their sum must be above 0: silence has no logarithm");
}

bool has_logarithm(const FrontEndOptions& options) {
  return options.features >= Features::log_mel || options.energy;
}

}  // namespace

const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names = {"samples", "magnitude", "power", "mel", "log_mel", "mfcc"};
  return names;
}

FrontEnd::FrontEnd(const FrontEndOptions& options)
    : options_(options), framer_(options.frame), frame_(static_cast<size_t>(options.frame.length)) {
  if (options.rate_Hz < 1) throw Error("rate", fmt::format("{} Hz", options.rate_Hz), "it must be positive");
  if (!(std::abs(options.preemphasis) < 1))
    throw Error("preemphasis", fmt::format("{}", options.preemphasis),
                "take a number below 1, 0.97 is usual");
  if (has_logarithm(options)) check_log(options.log);
  int64_t values = options.frame.length;
  if (options.features != Features::samples) {
    spectrum_.emplace(options.frame.length, options.window, options.fft_size);
    values = spectrum_->bins();
    bins_.resize(static_cast<size_t>(values));
  }
  if (options.features >= Features::mel) {
    mel_.emplace(options.mel, static_cast<double>(options.rate_Hz), spectrum_->fft_size());
    values = mel_->bands();
    bands_.resize(static_cast<size_t>(values));
  }
  if (options.features == Features::mfcc) {
    cepstrum_.emplace(options.cepstrum, mel_->bands());
    values = options.cepstrum.coefficients;
    coefficients_.resize(static_cast<size_t>(values));
  }
  values += options.energy ? 1 : 0;
  row_.resize(static_cast<size_t>(values));
  deltas_.emplace(options.deltas, values);
  features_ = values * (options.deltas.order + 1);
  normalizer_.emplace(options.normalize, features_);
}

void FrontEnd::reset() {
  framer_.reset();
  deltas_->reset();
  normalizer_->reset();
  last_sample_ = 0;
}

void FrontEnd::push(std::span<const float> samples, const FrameSink& out) {
  if (options_.preemphasis != 0) {
    emphasized_.resize(samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      emphasized_[i] = static_cast<float>(static_cast<double>(samples[i]) -
                                          options_.preemphasis * static_cast<double>(last_sample_));
      last_sample_ = samples[i];
    }
    samples = emphasized_;
  }
  framer_.push(samples);
  drain(out);
}

void FrontEnd::finish(const FrameSink& out) {
  framer_.finish();
  drain(out);
  const FrameSink normalized = [&](std::span<const float> frame) { normalizer_->push(frame, out); };
  deltas_->finish(normalized);
  normalizer_->finish(out);
  reset();
}

void FrontEnd::drain(const FrameSink& out) {
  const FrameSink normalized = [&](std::span<const float> frame) { normalizer_->push(frame, out); };
  while (framer_.next(frame_)) {
    compute(frame_);
    deltas_->push(row_, normalized);
  }
}

void FrontEnd::compute(std::span<const float> frame) {
  if (options_.features == Features::samples) {
    std::copy(frame.begin(), frame.end(), row_.begin());
  } else {
    spectral(frame);
  }
  if (!options_.energy) return;
  double sum = 0;
  for (const float sample : frame) sum += static_cast<double>(sample) * static_cast<double>(sample);
  row_.back() = static_cast<float>(logarithm(options_.log, sum));
}

void FrontEnd::spectral(std::span<const float> frame) {
  const auto spectrum = (*spectrum_)(frame);
  const bool magnitude =
      options_.features == Features::magnitude || (mel_.has_value() && options_.mel.of_magnitude);
  for (size_t bin = 0; bin < spectrum.size(); ++bin) {
    const double re = spectrum[bin].real();
    const double im = spectrum[bin].imag();
    const double power = re * re + im * im;
    bins_[bin] = magnitude ? std::sqrt(power) : power;
  }
  std::span<const double> values = bins_;
  if (mel_) {
    mel_->apply(bins_, bands_);
    values = bands_;
  }
  if (options_.features >= Features::log_mel) {
    for (double& band : bands_) band = logarithm(options_.log, band);
  }
  if (cepstrum_) {
    cepstrum_->apply(bands_, coefficients_);
    values = coefficients_;
  }
  std::transform(values.begin(), values.end(), row_.begin(),
                 [](double value) { return static_cast<float>(value); });
}

Tensor features_of(const FrontEndOptions& options, std::span<const float> samples) {
  FrontEnd front_end(options);
  std::vector<float> rows;
  const FrameSink keep = [&](std::span<const float> frame) {
    rows.insert(rows.end(), frame.begin(), frame.end());
  };
  front_end.push(samples, keep);
  front_end.finish(keep);
  const int64_t frames = static_cast<int64_t>(rows.size()) / front_end.features();
  return Tensor::of<float>({frames, front_end.features()}, rows);
}

}  // namespace deltahop
