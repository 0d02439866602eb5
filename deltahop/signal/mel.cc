// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/mel.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr double kSlaneyKnee_Hz = 1000, kSlaneyMelPerHz = 3.0 / 200, kSlaneyKnee = 15;
const double kSlaneyStep = std::log(6.4) / 27;  // of the logarithm, a mel

// A triangle from the first edge to the last with its tip of 1 at the middle one.
double triangle(double x, const std::array<double, 3>& edges) {
  const auto [left, centre, right] = edges;
  return std::max(0.0, std::min((x - left) / (centre - left), (right - x) / (right - centre)));
}

void check_limits(const MelOptions& options, double high_Hz, double rate_Hz) {
  if (options.bands < 1 || options.bands > 4096)
    throw Error("mel", fmt::format("{} bands", options.bands), "take between 1 and 4096");
  if (options.first_bin < 0)
    throw Error("mel", fmt::format("a first bin of {}", options.first_bin), "0 takes all");
  if (!(options.low_Hz >= 0) || !(high_Hz > options.low_Hz) || high_Hz > rate_Hz / 2)
    throw Error("mel",
                fmt::format("bands from {} to {} Hz at a rate of {} Hz", options.low_Hz, high_Hz, rate_Hz),
                "want 0 <= low < high <= half the rate");
}

}  // namespace

const std::vector<std::string>& mel_scale_names() {
  static const std::vector<std::string> names = {"htk", "slaney"};
  return names;
}

const std::vector<std::string>& mel_triangle_names() {
  static const std::vector<std::string> names = {"mel", "hertz"};
  return names;
}

double mel_of(MelScale scale, double frequency_Hz) {
  if (scale == MelScale::htk) return 2595 / std::log(10.0) * std::log1p(frequency_Hz / 700);
  if (frequency_Hz < kSlaneyKnee_Hz) return frequency_Hz * kSlaneyMelPerHz;
  return kSlaneyKnee + std::log(frequency_Hz / kSlaneyKnee_Hz) / kSlaneyStep;
}

double hertz_of(MelScale scale, double mel) {
  if (scale == MelScale::htk) return 700 * std::expm1(mel * std::log(10.0) / 2595);
  if (mel < kSlaneyKnee) return mel / kSlaneyMelPerHz;
  return kSlaneyKnee_Hz * std::exp((mel - kSlaneyKnee) * kSlaneyStep);
}

MelFilterbank::MelFilterbank(const MelOptions& options, double rate_Hz, int64_t fft_size)
    : bins_(fft_size / 2 + 1) {
  const double high_Hz = options.high_Hz > 0 ? options.high_Hz : rate_Hz / 2;
  check_limits(options, high_Hz, rate_Hz);
  const double low = mel_of(options.scale, options.low_Hz);
  const double spacing = (mel_of(options.scale, high_Hz) - low) / static_cast<double>(options.bands + 1);
  const double bin_Hz = rate_Hz / static_cast<double>(fft_size);
  for (int64_t band = 0; band < options.bands; ++band) {
    const double left = low + spacing * static_cast<double>(band);
    Run run = run_of(options, {left, left + spacing, left + 2 * spacing}, bin_Hz);
    if (run.weights.empty())
      throw Error("mel",
                  fmt::format("no bin of {} points falls into band {} of {}", fft_size, band, options.bands),
                  "take fewer bands, a longer transform or a higher low end");
    runs_.push_back(std::move(run));
  }
}

MelFilterbank::Run MelFilterbank::run_of(const MelOptions& options, const std::array<double, 3>& mels,
                                         double bin_Hz) const {
  std::array<double, 3> hertz;
  std::transform(mels.begin(), mels.end(), hertz.begin(),
                 [&](double mel) { return hertz_of(options.scale, mel); });
  const bool in_mel = options.triangles == MelTriangles::mel;
  const auto& edges = in_mel ? mels : hertz;
  const double height = options.unit_area ? 2 / (hertz[2] - hertz[0]) : 1;
  // One bin more on each side than rounding could need.
  const int64_t begin = std::max(static_cast<int64_t>(hertz[0] / bin_Hz) - 1, options.first_bin);
  const int64_t end = std::min(static_cast<int64_t>(hertz[2] / bin_Hz) + 2, bins_);
  Run run;
  for (int64_t bin = begin; bin < end; ++bin) {
    const double frequency = static_cast<double>(bin) * bin_Hz;
    const double weight = triangle(in_mel ? mel_of(options.scale, frequency) : frequency, edges);
    if (weight <= 0) continue;
    if (run.weights.empty()) run.first = bin;
    run.weights.push_back(weight * height);
  }
  return run;
}

double MelFilterbank::weight(int64_t band, int64_t bin) const {
  const Run& run = runs_.at(static_cast<size_t>(band));
  const int64_t index = bin - run.first;
  return index < 0 || index >= static_cast<int64_t>(run.weights.size())
             ? 0
             : run.weights[static_cast<size_t>(index)];
}

void MelFilterbank::apply(std::span<const double> spectrum, std::span<double> out) const {
  DELTAHOP_CHECK(static_cast<int64_t>(spectrum.size()) == bins_ && out.size() == runs_.size());
  for (size_t band = 0; band < runs_.size(); ++band) {
    const Run& run = runs_[band];
    double sum = 0;
    for (size_t i = 0; i < run.weights.size(); ++i)
      sum += run.weights[i] * spectrum[static_cast<size_t>(run.first) + i];
    out[band] = sum;
  }
}

}  // namespace deltahop
