// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

FrontEndOptions from_yaml(const char* text) {
  const Config config = Config::from_text(text, "front_end.yaml");
  const FrontEndOptions options = read_front_end(config);
  config.finish();
  return options;
}

TEST(FrontEndOptions, ReadsOneLineOfText) {
  const FrontEndOptions mel = parse_front_end(" log_mel(40, 25 ms,10 ms) ");
  EXPECT_EQ(mel.features, Features::log_mel);
  EXPECT_EQ(mel.mel.bands, 40);
  EXPECT_EQ(mel.frame.length, 400);
  EXPECT_EQ(mel.frame.hop, 160);
  EXPECT_EQ(parse_front_end("mfcc(13, 32 ms, 16 ms)", 8000).frame.length, 256);
  EXPECT_EQ(FrontEnd(parse_front_end("magnitude(32 ms, 8 ms)")).features(), 257);
  EXPECT_EQ(FrontEnd(parse_front_end("samples(32 ms, 8 ms)")).features(), 512);
  EXPECT_EQ(parse_front_end("tensorflow_mfcc(10, 40 ms, 20 ms)").mel.first_bin,
            2);  // 1.5 + 20 Hz / 15.625 Hz
}

TEST(FrontEndOptions, RefusesTextThatMeansNothing) {
  for (const char* text :
       {"", "log_mel", "log_mel(", "log_mel()", "log_mel(40, 25 ms)", "log_mel(forty, 25 ms, 10 ms)",
        "log_mel(40, 25 MHz, 10 ms)", "wavelet(3, 1 ms, 1 ms)", "samples(1 ms, 2 Gs)"})
    EXPECT_THROW(parse_front_end(text), Error) << text;
  EXPECT_THAT([] { parse_front_end("mell(4, 1 ms, 1 ms)"); },
              ThrowsMessage<Error>(HasSubstr("there is no 'mell'; known: log_mel(bands")));
}

TEST(FrontEndOptions, ReadsYamlThatDiffersFromALine) {
  const FrontEndOptions options = from_yaml(R"(
rate: 8 kHz
like: mfcc(13, 25 ms, 10 ms)
window: symmetric_hamming
preemphasis: 0.97
energy: true
mel: {bands: 26, scale: slaney, triangles: hertz, low: 50 Hz, high: 3.8 kHz, unit_area: true}
mfcc: {lifter: 22}
deltas: {order: 2}
normalization: {kind: running, horizon: 3 s}
)");
  EXPECT_EQ(options.frame.length, 200);
  EXPECT_EQ(options.window, Window::symmetric_hamming);
  EXPECT_EQ(options.mel.scale, MelScale::slaney);
  EXPECT_EQ(options.mel.high_Hz, 3800);
  EXPECT_EQ(options.cepstrum.coefficients, 13);
  EXPECT_EQ(options.cepstrum.lifter, 22);
  EXPECT_EQ(options.normalize.horizon_frames, 300);
  EXPECT_EQ(FrontEnd(options).features(), 3 * 14);
  EXPECT_EQ(FrontEnd(options).delay_frames(), 4);
}

TEST(FrontEndOptions, SurvivesBeingWrittenDown) {
  FrontEndOptions options = tensorflow_mfcc({.window_size = 641, .stride = 320}, 16000);
  options.rate_Hz = 22050;
  options.normalize = {.kind = Normalization::fixed, .means = {0.5, -1.25}, .deviations = {2}};
  options.normalize.means.resize(13, 0.125);
  options.frame.padding = Padding::centered;
  options.window = Window::sqrt_hann;
  const std::string text = to_text(options);
  const FrontEndOptions again = from_yaml(text.c_str());
  EXPECT_EQ(to_text(again), text);
  EXPECT_EQ(again.frame.length, 641);
  EXPECT_EQ(again.normalize.means, options.normalize.means);
}

TEST(FrontEndOptions, EveryFaultOfAFileIsNamed) {
  EXPECT_THAT([] { from_yaml("windo: hann\n"); },
              ThrowsMessage<Error>(HasSubstr("front_end.yaml:1:1: unknown key")));
  EXPECT_THAT([] { from_yaml("mel: {bands: 500}\n"); },
              ThrowsMessage<Error>(HasSubstr("no bin of 512 points")));
  EXPECT_THAT([] { from_yaml("frame: 2 h\n"); }, ThrowsMessage<Error>(HasSubstr("'h' is not a unit of s")));
  EXPECT_THAT([] { from_yaml("frame: -5 ms\n"); }, ThrowsMessage<Error>(HasSubstr("between 0 and an hour")));
  EXPECT_THAT([] { from_yaml("rate: 0.5 Hz\n"); }, ThrowsMessage<Error>(HasSubstr("rate")));
  EXPECT_THAT([] { from_yaml("like: nothing\n"); }, ThrowsMessage<Error>(HasSubstr("cannot read 'nothing'")));
  EXPECT_THAT([] { from_yaml("log: {floor: 0}\n"); },
              ThrowsMessage<Error>(HasSubstr("silence has no logarithm")));
  EXPECT_THAT([] { from_yaml("preemphasis: 2\n"); }, ThrowsMessage<Error>(HasSubstr("0.97 is usual")));
}

}  // namespace
}  // namespace deltahop
