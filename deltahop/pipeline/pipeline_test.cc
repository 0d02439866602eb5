// SPDX-License-Identifier: Apache-2.0
#include "deltahop/pipeline/pipeline.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/io/sound.h"
#include "deltahop/run/executor.h"
#include "deltahop/signal/mix.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

// y = x * scale + offset over [1, size].
Network affine(int64_t size, float scale, float offset) {
  NetworkBuilder builder("affine");
  const ValueId x = builder.input("x", DataType::float32, {1, size});
  const ValueId factor = builder.constant("scale", Tensor::of<float>({1}, {scale}));
  const ValueId summand = builder.constant("offset", Tensor::of<float>({1}, {offset}));
  const ValueId product = builder.node("Mul", "mul", {x, factor})[0];
  builder.output(builder.node("Add", "add", {product, summand})[0]);
  return builder.build();
}

std::vector<float> noise_of(int64_t length) {
  Random random(21);
  std::vector<float> samples;
  for (int64_t i = 0; i < length; ++i) samples.push_back(static_cast<float>(0.1 * random.normal()));
  return samples;
}

PipelineDescription description_of(std::vector<PipelineStage> stages) {
  return {.name = "test", .summary = "", .citation = "", .frame = 64, .hop = 16, .stages = std::move(stages)};
}

const PipelineStage kMask{.kind = StageKind::spectral_mask, .network = "mask"};
const PipelineStage kFrames{.kind = StageKind::frames, .network = "frames"};

TEST(Pipeline, AMaskOfOneAndAQuarterOfEveryFrameGiveTheSoundBack) {
  // Four frames cover every sample, so a quarter of each adds up to the whole.
  Pipeline pipeline(description_of({kMask, kFrames}), {affine(33, 0, 1), affine(64, 0.25F, 0)});
  for (const int64_t length : {1, 15, 16, 17, 64, 1000}) {
    const auto samples = noise_of(length);
    const auto out = pipeline.whole(samples);
    ASSERT_EQ(out.size(), samples.size());
    for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], samples[i], 1e-6) << length << " " << i;
  }
}

TEST(Pipeline, WindowsOnBothSidesAddUpWhereTheirProductDoes) {
  // The root of Hann twice is Hann, which adds up to 2 at a quarter of its length.
  PipelineDescription description = description_of({kMask});
  description.window = description.synthesis_window = Window::sqrt_hann;
  Pipeline pipeline(description, {affine(33, 0, 0.5F)});
  const auto samples = noise_of(500);
  const auto out = pipeline.whole(samples);
  for (size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], samples[i], 1e-6);
}

TEST(Pipeline, GivesTheSameNumbersForAStreamAndAWholeRecording) {
  Pipeline pipeline(description_of({kMask, kFrames}), {affine(33, 0.3F, 0.1F), affine(64, 0.5F, 0.01F)});
  const auto samples = noise_of(3001);
  const auto whole = pipeline.whole(samples);
  Random random(4);
  pipeline.reset();
  std::vector<float> out;
  for (size_t start = 0; start < samples.size();) {
    const size_t count = std::min(samples.size() - start, static_cast<size_t>(random.integer(0, 90)));
    pipeline.push(std::span(samples).subspan(start, count), out);
    start += count;
  }
  pipeline.finish(out);
  out.erase(out.begin(), out.begin() + pipeline.delay_samples());
  EXPECT_EQ(out, whole);
}

TEST(Pipeline, RefusesNetworksThatDoNotFit) {
  EXPECT_THAT([] { Pipeline(description_of({kMask}), {affine(64, 1, 0)}); },
              ThrowsMessage<Error>(HasSubstr("mask: its input 'x' has 64 values, where a frame gives 33")));
  SessionOptions options;
  options.thresholds.by_node["gru1"] = {.input = 0.1};
  EXPECT_THAT([&] { Pipeline(description_of({kFrames}), {affine(64, 1, 0)}, options); },
              ThrowsMessage<Error>(HasSubstr("no network has a node 'gru1'")));
}

PipelineDescription from_yaml(const char* text) {
  const Config config = Config::from_text(text, "p.yaml");
  const PipelineDescription description = read_pipeline(config);
  config.finish();
  return description;
}

TEST(PipelineDescription, ReadsTheOneThatShips) {
  EXPECT_TRUE(is_pipeline("dtln"));
  EXPECT_FALSE(is_pipeline("vgg16"));
  const PipelineDescription dtln = load_pipeline_description("dtln");
  EXPECT_EQ(dtln.frame, 512);
  EXPECT_EQ(dtln.hop, 128);
  ASSERT_EQ(dtln.stages.size(), 2);
  EXPECT_EQ(dtln.stages[0].kind, StageKind::spectral_mask);
  EXPECT_EQ(dtln.stages[1].loops.at(0).output, "tf_op_layer_stack_5");
}

TEST(PipelineDescription, EveryFaultIsNamed) {
  const std::string head = "pipeline: x\nrate: 16 kHz\nframe: 32 ms\n";
  const auto fault = [&](const std::string& rest, const char* word) {
    EXPECT_THAT([&] { from_yaml((head + rest).c_str()); }, ThrowsMessage<Error>(HasSubstr(word)));
  };
  fault("hop: 8 ms\n", "there are no stages");
  fault("hop: 64 ms\nstages: [{frames: a.onnx}]\n", "the hop is longer than the frame");
  fault("hop: 8 ms\nstages: [{frame: a.onnx}]\n", "either a spectral_mask or frames");
  fault("hop: 8 ms\nstages: [{frames: a.onnx, spectral_mask: b.onnx}]\n", "either a spectral_mask or frames");
  fault("hop: 8 ms\nwindow: round\nstages: [{frames: a.onnx}]\n", "round");
  fault("hop: 8 ms\nstage: 1\nstages: [{frames: a.onnx}]\n", "unknown key 'stage'");
}

// The frames of a recording through execute(), states handed on by hand, in the plain order of the algorithm:
// the second implementation.
std::vector<float> dtln_by_hand(const std::vector<Network>& networks, std::span<const float> samples,
                                size_t frames) {
  Tensor states[2] = {Tensor::zeros(DataType::float32, {1, 2, 128, 2}),
                      Tensor::zeros(DataType::float32, {1, 2, 128, 2})};
  std::vector<double> sum(frames * 128 + 512);
  RealFft fft(512);
  for (size_t t = 0; t < frames; ++t) {
    std::vector<double> frame(512);
    for (size_t i = 0; i < 512; ++i) {
      const int64_t place = static_cast<int64_t>(t * 128 + i) - 384;
      if (place >= 0) frame[i] = static_cast<double>(samples[static_cast<size_t>(place)]);
    }
    std::vector<std::complex<double>> spectrum(257);
    fft.forward(frame, spectrum);
    std::vector<float> magnitude;
    for (const auto& value : spectrum) magnitude.push_back(static_cast<float>(std::abs(value)));
    auto first = execute(networks[0], {Tensor::of<float>({1, 1, 257}, magnitude), states[0]}, {});
    for (size_t k = 0; k < 257; ++k) spectrum[k] *= static_cast<double>(first[0].values<float>()[k]);
    fft.inverse(spectrum, frame);
    auto second = execute(
        networks[1],
        {Tensor::of<float>({1, 1, 512}, std::vector<float>(frame.begin(), frame.end())), states[1]}, {});
    for (size_t i = 0; i < 512; ++i) sum[t * 128 + i] += static_cast<double>(second[0].values<float>()[i]);
    states[0] = std::move(first[1]);
    states[1] = std::move(second[1]);
  }
  std::vector<float>
      out;  // without the samples before the recording and those that later frames still add to
  for (size_t i = 384; i < frames * 128; ++i) out.push_back(static_cast<float>(sum[i]));
  return out;
}

TEST(Dtln, CleansSpeechAsItsPlainAlgorithmDoes) {
  const char* data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const std::filesystem::path folder(data);
  const PipelineDescription description = load_pipeline_description("dtln");
  const auto networks = load_networks(description, "dtln", (folder / "dtln").string());
  Pipeline dense(description, networks, {.delta = false});
  Pipeline delta(description, networks);
  for (int i = 1; i <= 4; ++i) {
    const std::string file = "p287_00" + std::to_string(i) + ".wav";
    const auto noisy = mono(read_sound(folder / "noisy_speech_pairs" / "noisy" / file));
    const auto clean = mono(read_sound(folder / "noisy_speech_pairs" / "clean" / file));
    const auto out = dense.whole(noisy);
    EXPECT_GT(si_sdr_dB(out, clean), si_sdr_dB(noisy, clean) + 0.5) << file;
    // At threshold 0 only the order of sums differs.
    EXPECT_GT(si_sdr_dB(delta.whole(noisy), out), 80) << file;
    if (i > 1) continue;
    const auto wanted = dtln_by_hand(networks, noisy, 150);
    EXPECT_GT(si_sdr_dB(std::span(out).first(wanted.size()), wanted), 80);
  }
}

}  // namespace
}  // namespace deltahop
