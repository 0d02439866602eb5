// SPDX-License-Identifier: Apache-2.0
// Real recordings through the reader and the front end, against features that others published for them.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "deltahop/base/files.h"
#include "deltahop/io/sound.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {
namespace {

// The MFCC codes of a published keyword benchmark, made by TensorFlow from the same recordings: window 30 ms,
// hop 20 ms, 40 bands from 20 to 4000 Hz over magnitudes, log(x + 1e-6), recordings scaled to a largest
// sample of 1, and then x / 0.5847029 + 83 cut to a whole number. TensorFlow computed them in float, so a
// value that close to a whole number may fall on its other side.
TEST(RealSound, GivesThePublishedMfccCodesOfRealRecordings) {
  const char* data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const std::filesystem::path folder = std::filesystem::path(data) / "speech_commands";
  FrontEndOptions options =
      tensorflow_mfcc({.window_size = 480, .stride = 320, .dct_coefficient_count = 10}, 16000);
  options.mel.first_bin = 1;
  options.log = {.floor = 0, .offset = 1e-6};
  int64_t values = 0;
  double worst = 0;  // distance to the nearest value that has the published code, in codes
  for (const auto& entry : std::filesystem::directory_iterator(folder / "wav")) {
    const std::string codes = read_file(folder / "mfcc_int8" / (entry.path().stem().string() + ".bin"));
    std::vector<float> samples = mono(read_sound(entry.path()));
    const float largest = *std::max_element(samples.begin(), samples.end());
    for (float& sample : samples) sample /= largest;
    const Tensor features = features_of(options, samples);
    ASSERT_EQ(features.shape(), (Shape{49, 10}));
    for (size_t i = 0; i < codes.size(); ++i) {
      const double code = static_cast<signed char>(codes[i]);
      const double given =
          std::clamp(static_cast<double>(features.values<float>()[i]) / 0.5847029 + 83, -128.0, 127.0);
      const double low = code > 0 ? code : code - 1;
      const double high = code < 0 ? code : code + 1;
      worst = std::max({worst, low - given, given - high});
      ++values;
    }
  }
  EXPECT_EQ(values, 300 * 490);
  EXPECT_LT(worst, 2e-3);
}

}  // namespace
}  // namespace deltahop
