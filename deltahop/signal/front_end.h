// SPDX-License-Identifier: Apache-2.0
// From samples to the frames that a network takes: framing, spectrum, mel, logarithm, cepstrum, deltas,
// normalisation. A stream in pieces of any size and a whole file give the same numbers, bit for bit.
//   FrontEnd front_end(parse_front_end("log_mel(40, 25 ms, 10 ms)", 16000));
//   front_end.push(samples, [&](std::span<const float> frame) { session.step(frame); });
//   front_end.finish(...);
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/signal/cepstrum.h"
#include "deltahop/signal/deltas.h"
#include "deltahop/signal/framing.h"
#include "deltahop/signal/mel.h"
#include "deltahop/signal/normalize.h"
#include "deltahop/signal/stft.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

enum class Features : uint8_t { samples, magnitude, power, mel, log_mel, mfcc };
const std::vector<std::string>& feature_names();

struct LogOptions {
  double floor = 1e-10;  // log(max(x, floor) + offset)
  double offset = 0;
  bool decibel = false;  // 10 log10 instead of the natural logarithm
};

struct FrontEndOptions {
  int64_t rate_Hz = 16000;
  FrameOptions frame;
  Window window = Window::hann;
  int64_t fft_size = 0;    // 0: the next power of two
  double preemphasis = 0;  // x[t] - a x[t-1]
  Features features = Features::log_mel;
  MelOptions mel;
  LogOptions log;
  CepstrumOptions cepstrum;
  bool energy = false;  // the logarithm of the frame's sum of squares as one more value, before the deltas
  DeltaFeatureOptions deltas;
  NormalizeOptions normalize;
};

// TensorFlow's AudioSpectrogram (squared magnitudes) followed by its Mfcc, in the attributes of those two
// operators: periodic Hann, next power of two, triangles straight in HTK mel over magnitudes, natural
// logarithm of at least 1e-12, DCT scaled by sqrt(2/N). Bins start at floor(1.5 + low / bin width), as that
// operator has it.
struct TensorflowMfcc {
  int64_t window_size = 480, stride = 160;  // samples
  int64_t dct_coefficient_count = 13, filterbank_channel_count = 40;
  double lower_frequency_limit_Hz = 20, upper_frequency_limit_Hz = 4000;
};
FrontEndOptions tensorflow_mfcc(const TensorflowMfcc& attributes, int64_t rate_Hz);

// "log_mel(bands, frame, hop)", "mel(...)", "mfcc(coefficients, frame, hop)", "tensorflow_mfcc(coefficients,
// frame, hop)", "magnitude(frame, hop)", "power(frame, hop)", "samples(frame, hop)"; times as "25 ms". Throws
// Error (place: "front end").
FrontEndOptions parse_front_end(std::string_view text, int64_t rate_Hz = 16000);
// The same from YAML; `like` names a line of the kind above from which the other keys differ. Faults are
// noted in `config`: the caller asks config.finish().
FrontEndOptions read_front_end(const Config& config);
// As YAML that read_front_end takes.
std::string to_text(const FrontEndOptions& options);

class FrontEnd {
 public:
  // Throws Error where the options contradict each other.
  explicit FrontEnd(const FrontEndOptions& options);

  const FrontEndOptions& options() const { return options_; }
  int64_t features() const { return features_; }  // values a frame
  // Frames by which the output is late: those that deltas look ahead.
  int64_t delay_frames() const { return options_.deltas.order * options_.deltas.width; }

  void push(std::span<const float> samples, const FrameSink& out);
  void finish(const FrameSink& out);
  void reset();

 private:
  void compute(std::span<const float> frame);
  void spectral(std::span<const float> frame);
  void drain(const FrameSink& out);

  FrontEndOptions options_;
  Framer framer_;
  std::optional<FrameSpectrum> spectrum_;
  std::optional<MelFilterbank> mel_;
  std::optional<Cepstrum> cepstrum_;
  int64_t features_ = 0;  // of a frame that leaves
  std::optional<DeltaFeatures> deltas_;
  std::optional<Normalizer> normalizer_;
  float last_sample_ = 0;  // of the stream, for the pre-emphasis
  std::vector<float> emphasized_, frame_, row_;
  std::vector<double> bins_, bands_, coefficients_;
};

// Of a whole recording: float32 [frames, features].
Tensor features_of(const FrontEndOptions& options, std::span<const float> samples);

}  // namespace deltahop
