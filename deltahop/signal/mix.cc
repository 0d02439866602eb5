// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/mix.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

void check_lengths(std::string_view place, size_t first, size_t second) {
  if (first != second)
    throw Error(place, fmt::format("{} and {} samples", first, second), "both must be equally long");
}

double mean_of(std::span<const float> samples) {
  double sum = 0;
  for (const float sample : samples) sum += static_cast<double>(sample);
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

}  // namespace

double mean_power(std::span<const float> samples) {
  double sum = 0;
  for (const float sample : samples) sum += static_cast<double>(sample) * static_cast<double>(sample);
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

std::vector<float> mixed(std::span<const float> speech, std::span<const float> noise, double snr_dB) {
  check_lengths("mix", speech.size(), noise.size());
  const double wanted = mean_power(speech);
  const double given = mean_power(noise);
  if (wanted == 0 || given == 0)
    throw Error("mix", wanted == 0 ? "the speech is silent" : "the noise is silent",
                "no gain gives this ratio");
  const double gain = std::sqrt(wanted / (given * std::pow(10.0, snr_dB / 10)));
  std::vector<float> sum(speech.size());
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] = static_cast<float>(static_cast<double>(speech[i]) + gain * static_cast<double>(noise[i]));
  return sum;
}

std::vector<float> noise_segment(std::span<const float> noise, int64_t length, Random& random) {
  if (noise.empty()) throw Error("mix", "the noise has no samples");
  const auto available = static_cast<int64_t>(noise.size());
  int64_t place = available > length ? random.integer(0, available - length) : 0;
  std::vector<float> segment;
  segment.reserve(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) segment.push_back(noise[static_cast<size_t>(place++ % available)]);
  return segment;
}

double si_sdr_dB(std::span<const float> estimate, std::span<const float> reference) {
  check_lengths("SI-SDR", estimate.size(), reference.size());
  const double estimate_mean = mean_of(estimate);
  const double reference_mean = mean_of(reference);
  double product = 0;
  double reference_energy = 0;
  double estimate_energy = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double e = static_cast<double>(estimate[i]) - estimate_mean;
    const double s = static_cast<double>(reference[i]) - reference_mean;
    product += e * s;
    reference_energy += s * s;
    estimate_energy += e * e;
  }
  if (reference_energy == 0) throw Error("SI-SDR", "the reference is silent");
  if (estimate_energy == 0) return -std::numeric_limits<double>::infinity();
  const double scale = product / reference_energy;
  double distortion = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double e = static_cast<double>(estimate[i]) - estimate_mean;
    const double s = static_cast<double>(reference[i]) - reference_mean;
    distortion += (e - scale * s) * (e - scale * s);
  }
  if (distortion == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(scale * scale * reference_energy / distortion);
}

}  // namespace deltahop
