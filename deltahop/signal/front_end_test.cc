// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/front_end.h"

#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<float> noise_of(int64_t length, uint64_t seed) {
  Random random(seed);
  std::vector<float> samples;
  for (int64_t i = 0; i < length; ++i) samples.push_back(static_cast<float>(0.1 * random.normal()));
  return samples;
}

FrontEndOptions everything() {
  FrontEndOptions options = parse_front_end("mfcc(13, 25 ms, 10 ms)");
  options.preemphasis = 0.97;
  options.energy = true;
  options.cepstrum.lifter = 22;
  options.deltas = {.order = 2, .width = 2};
  return options;
}

std::vector<float> streamed(const FrontEndOptions& options, std::span<const float> samples, uint64_t seed) {
  FrontEnd front_end(options);
  Random random(seed);
  std::vector<float> rows;
  const FrameSink keep = [&](std::span<const float> row) { rows.insert(rows.end(), row.begin(), row.end()); };
  for (size_t start = 0; start < samples.size();) {
    const size_t count = std::min(samples.size() - start, static_cast<size_t>(random.integer(0, 700)));
    front_end.push(samples.subspan(start, count), keep);
    start += count;
  }
  front_end.finish(keep);
  return rows;
}

TEST(FrontEnd, GivesTheSameNumbersForAStreamAndAWholeFile) {
  const auto samples = noise_of(16000, 1);
  for (const Normalization kind : {Normalization::none, Normalization::running, Normalization::whole}) {
    for (const Padding padding : {Padding::none, Padding::past, Padding::centered}) {
      FrontEndOptions options = everything();
      options.normalize.kind = kind;
      options.frame.padding = padding;
      const Tensor whole = features_of(options, samples);
      for (uint64_t seed = 0; seed < 5; ++seed) {
        const auto rows = streamed(options, samples, seed);
        EXPECT_EQ(Tensor::of<float>(whole.shape(), rows), whole);
      }
    }
  }
}

TEST(FrontEnd, ARecordingOfTheSamplesOfSomeFramesGivesThatManyAndAHopMoreGivesOneMore) {
  for (const Padding padding : {Padding::none, Padding::past, Padding::centered}) {
    for (const auto& [length, hop] : {std::pair{400, 160}, {401, 160}, {160, 400}, {256, 256}}) {
      FrontEndOptions options = parse_front_end("log_mel(8, 25 ms, 10 ms)");
      options.frame = {length, hop, padding};
      for (const int64_t frames : {1, 2, 7}) {
        const auto samples = noise_of(samples_of_frames(options.frame, frames) + hop, 3);
        const std::span<const float> all(samples);
        EXPECT_EQ(features_of(options, all.first(all.size() - static_cast<size_t>(hop))).dim(0), frames);
        EXPECT_EQ(features_of(options, all).dim(0), frames + 1);
      }
    }
  }
}

TEST(FrontEnd, StartsAnewAfterTheEnd) {
  const auto samples = noise_of(4000, 2);
  FrontEndOptions options = everything();
  options.normalize.kind = Normalization::running;
  FrontEnd front_end(options);
  std::vector<float> rows[2];
  for (auto& run : rows) {
    const FrameSink keep = [&](std::span<const float> row) { run.insert(run.end(), row.begin(), row.end()); };
    front_end.push(samples, keep);
    front_end.finish(keep);
  }
  EXPECT_EQ(rows[0], rows[1]);
}

// The definition, written down frame by frame: no transform but the sum itself, no runs of bins.
std::vector<double> tensorflow_mfcc_by_definition(const TensorflowMfcc& op, double rate,
                                                  std::span<const float> frame) {
  const auto size = static_cast<double>(next_power_of_two(op.window_size));
  const double bin_Hz = rate / size;
  const auto mel = [](double hertz) { return 1127 * std::log1p(hertz / 700); };
  const double low = mel(op.lower_frequency_limit_Hz);
  const double step =
      (mel(op.upper_frequency_limit_Hz) - low) / static_cast<double>(op.filterbank_channel_count + 1);
  std::vector<double> bands(static_cast<size_t>(op.filterbank_channel_count));
  const auto first = static_cast<int64_t>(1.5 + op.lower_frequency_limit_Hz / bin_Hz);
  for (int64_t bin = first; static_cast<double>(bin) * bin_Hz <= op.upper_frequency_limit_Hz; ++bin) {
    std::complex<double> sum;
    for (size_t n = 0; n < frame.size(); ++n) {
      const double turn = 2 * std::numbers::pi * static_cast<double>(n);
      const double weight = 0.5 - 0.5 * std::cos(turn / static_cast<double>(frame.size()));
      sum += std::polar(weight * static_cast<double>(frame[n]), -turn * static_cast<double>(bin) / size);
    }
    for (size_t band = 0; band < bands.size(); ++band) {
      const double distance =
          std::abs(mel(static_cast<double>(bin) * bin_Hz) - low - step * static_cast<double>(band + 1));
      bands[band] += std::abs(sum) * std::max(0.0, 1 - distance / step);
    }
  }
  std::vector<double> coefficients;
  for (int64_t n = 0; n < op.dct_coefficient_count; ++n) {
    double value = 0;
    for (size_t band = 0; band < bands.size(); ++band) {
      const double angle = std::numbers::pi * static_cast<double>(n) / static_cast<double>(bands.size());
      value += std::log(std::max(bands[band], 1e-12)) * std::cos(angle * (static_cast<double>(band) + 0.5));
    }
    coefficients.push_back(value * std::sqrt(2.0 / static_cast<double>(bands.size())));
  }
  return coefficients;
}

TEST(FrontEnd, TensorflowMfccIsWhatItsDefinitionSays) {
  const TensorflowMfcc op{.window_size = 640, .stride = 320, .dct_coefficient_count = 10};
  const auto samples = noise_of(16000, 3);
  const Tensor features = features_of(tensorflow_mfcc(op, 16000), samples);
  ASSERT_EQ(features.shape(), (Shape{49, 10}));  // 1 + (16000 - 640) / 320
  for (int64_t frame = 0; frame < 49; frame += 12) {
    const auto wanted = tensorflow_mfcc_by_definition(
        op, 16000, std::span(samples).subspan(static_cast<size_t>(frame * 320), 640));
    for (int64_t n = 0; n < 10; ++n)
      EXPECT_NEAR(features.values<float>()[static_cast<size_t>(frame * 10 + n)],
                  wanted[static_cast<size_t>(n)], 1e-5);
  }
}

}  // namespace
}  // namespace deltahop
