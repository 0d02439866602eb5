// SPDX-License-Identifier: Apache-2.0
#include "deltahop/signal/stft.h"

#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/signal/framing.h"

namespace deltahop {
namespace {

using testing::ElementsAre;

std::vector<float> noise_of(int64_t length) {
  Random random(11);
  std::vector<float> samples;
  for (int64_t i = 0; i < length; ++i) samples.push_back(static_cast<float>(random.normal()));
  return samples;
}

std::vector<std::vector<float>> frames_of(const FrameOptions& options, const std::vector<float>& samples,
                                          size_t piece) {
  Framer framer(options);
  std::vector<std::vector<float>> frames;
  std::vector<float> frame(static_cast<size_t>(options.length));
  const auto drain = [&] {
    while (framer.next(frame)) frames.push_back(frame);
  };
  for (size_t start = 0; start < samples.size(); start += piece) {
    framer.push(std::span(samples).subspan(start, std::min(piece, samples.size() - start)));
    drain();
  }
  framer.finish();
  drain();
  return frames;
}

TEST(Window, PeriodicHannAddsUpToAConstant) {
  for (const Window window : {Window::hann, Window::hamming}) {
    const auto weights = window_weights(window, 400);
    const double mean = window == Window::hann ? 0.5 : 0.54;  // of the weights
    for (size_t i = 0; i < 200; ++i) EXPECT_NEAR(weights[i] + weights[i + 200], 2 * mean, 1e-15);
  }
}

TEST(Window, SymmetricOnesHaveEqualEnds) {
  for (const Window window :
       {Window::symmetric_hann, Window::symmetric_hamming, Window::symmetric_blackman}) {
    const auto weights = window_weights(window, 9);
    for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(weights[i], weights[8 - i], 1e-15);
    EXPECT_NEAR(weights[4], 1, 1e-15);
  }
}

TEST(Window, TheRootOfHannSquaredIsHann) {
  const auto root = window_weights(Window::sqrt_hann, 64);
  const auto hann = window_weights(Window::hann, 64);
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(root[i] * root[i], hann[i], 1e-15);
}

TEST(Framer, CutsWhereTheHopSays) {
  const std::vector<float> samples = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_THAT(frames_of({.length = 3, .hop = 2}, samples, 7),
              ElementsAre(ElementsAre(1, 2, 3), ElementsAre(3, 4, 5), ElementsAre(5, 6, 7)));
  EXPECT_THAT(frames_of({.length = 2, .hop = 3}, samples, 1),
              ElementsAre(ElementsAre(1, 2), ElementsAre(4, 5)));
  EXPECT_THAT(frames_of({.length = 3, .hop = 1, .padding = Padding::past}, {1, 2}, 1),
              ElementsAre(ElementsAre(0, 0, 1), ElementsAre(0, 1, 2)));
  EXPECT_THAT(frames_of({.length = 4, .hop = 2, .padding = Padding::centered}, {1, 2, 3}, 2),
              ElementsAre(ElementsAre(0, 0, 1, 2), ElementsAre(1, 2, 3, 0)));
}

TEST(Framer, DoesNotCareHowTheStreamIsCut) {
  const auto samples = noise_of(5000);
  for (const FrameOptions options :
       {FrameOptions{.length = 400, .hop = 160}, FrameOptions{.length = 100, .hop = 333},
        FrameOptions{.length = 512, .hop = 128, .padding = Padding::centered}}) {
    const auto whole = frames_of(options, samples, samples.size());
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{160}, size_t{999}})
      EXPECT_EQ(frames_of(options, samples, piece), whole);
  }
}

TEST(FrameSpectrum, OfACosineIsOneLine) {
  // Amplitude 0.5 at bin 8 of 64 without a window: 0.5 * 64 / 2 in that bin and nothing elsewhere.
  std::vector<float> frame;
  for (int i = 0; i < 64; ++i)
    frame.push_back(static_cast<float>(0.5 * std::cos(2 * std::numbers::pi * 8 * i / 64)));
  FrameSpectrum spectrum(64, Window::rectangular);
  const auto bins = spectrum(frame);
  for (size_t k = 0; k < bins.size(); ++k) EXPECT_NEAR(std::abs(bins[k]), k == 8 ? 16 : 0, 1e-6);
}

TEST(InverseStft, GivesTheSamplesBackWhateverTheWindow) {
  const auto samples = noise_of(4096);
  for (const Window window : {Window::hann, Window::sqrt_hann, Window::hamming, Window::rectangular}) {
    for (const int64_t hop : {128, 100, 256}) {
      FrameSpectrum spectrum(512, window);
      InverseStft inverse(512, hop, window);
      std::vector<float> again;
      for (const auto& frame : frames_of({.length = 512, .hop = hop}, samples, 999))
        inverse.add(spectrum(frame), again);
      inverse.finish(again);
      // Hann's first weight is 0, so nothing can bring the very first sample back.
      for (size_t i = 1; i < again.size(); ++i) EXPECT_NEAR(again[i], samples[i], 1e-5) << hop << " " << i;
    }
  }
}

TEST(OverlapAdd, AddsEveryFrameOnce) {
  OverlapAdd sums(4, 1);
  std::vector<double> out;
  for (int i = 0; i < 3; ++i) sums.add(std::vector<double>{1, 10, 100, 1000}, out);
  sums.finish(out);
  EXPECT_THAT(out, ElementsAre(1, 11, 111, 1110, 1100, 1000));
}

TEST(OverlapAdd, RefusesGaps) { EXPECT_THROW(OverlapAdd(4, 5), Error); }

}  // namespace
}  // namespace deltahop
