// SPDX-License-Identifier: Apache-2.0
// The audio operators in front of a network (DecodeWav, AudioSpectrogram, Mfcc): what they do is kept as
// text, and their result, the coefficients, is the network's input.
#include <bit>

#include <fmt/format.h>

#include "deltahop/io/graph_def.h"
#include "deltahop/io/graph_def_lower.h"

namespace deltahop::graph_def {

namespace {

// A graph takes whatever rate its files have; those that are frozen with a number of samples mean this one.
constexpr double kRate_Hz = 16000;

// As signal/front_end.h reads it. The lowest bin is Mfcc's: bins below 1.5 bins above the limit have no
// weight.
std::string front_end_text(const NodeDef& mfcc, int64_t window, int64_t stride) {
  const double low_Hz = mfcc.number("lower_frequency_limit", 20);
  const double bin_Hz = kRate_Hz / static_cast<double>(std::bit_ceil(static_cast<uint64_t>(window)));
  const auto milliseconds = [](int64_t samples) { return static_cast<double>(samples) * 1000 / kRate_Hz; };
  return fmt::format(
      "rate: {} Hz\nlike: tensorflow_mfcc({}, {} ms, {} ms)\n"
      "mel: {{bands: {}, low: {} Hz, high: {} Hz, first_bin: {}}}\n",
      kRate_Hz, mfcc.integer("dct_coefficient_count", 13), milliseconds(window), milliseconds(stride),
      mfcc.integer("filterbank_channel_count", 40), low_Hz, mfcc.number("upper_frequency_limit", 4000),
      static_cast<int64_t>(1.5 + low_Hz / bin_Hz));
}

}  // namespace

void Lowering::lower_front_end() {
  const Ref spectrogram = constants_.source(file_.input(ref_, 0));
  if (!file_.is(spectrogram, "AudioSpectrogram")) refuse("does not read an AudioSpectrogram");
  const Ref sound = constants_.source(file_.input(spectrogram, 0));
  const Ref rate = constants_.source(file_.input(ref_, 1));
  if (!file_.is(sound, "DecodeWav") || rate != Ref{sound.node, 1})
    refuse("does not read the sound and rate of one DecodeWav");
  if (has_front_end_) refuse("the graph has two front ends", "only one is supported");
  has_front_end_ = true;

  const NodeDef &wav = file_.node(sound), &window = file_.node(spectrogram);
  if (const int64_t channels = wav.integer("desired_channels", -1); channels > 1)
    refuse(fmt::format("takes {} channels of sound", channels), "one is supported");
  if (!window.flag("magnitude_squared", false)) refuse("reads magnitudes", "magnitude_squared must be set");
  constexpr int64_t kMost = 1 << 20;
  const auto within = [&](const NodeDef& from, std::string_view key, int64_t fallback, int64_t least) {
    const int64_t value = from.integer(key, fallback);
    if (value < least || value > kMost)
      refuse(fmt::format("the attribute '{}' of '{}' is {}", key, from.name, value),
             "the file may be damaged");
    return value;
  };
  const int64_t samples = within(wav, "desired_samples", -1, -1);
  const int64_t size = within(window, "window_size", 0, 2), stride = within(window, "stride", 0, 1);
  const int64_t bands = within(node(), "filterbank_channel_count", 40, 1);
  for (const std::string_view key : {"lower_frequency_limit", "upper_frequency_limit"}) {
    const double limit = node().number(key, 20);
    if (!(limit >= 0 && limit <= kRate_Hz / 2)) refuse(fmt::format("the attribute '{}' is {}", key, limit));
  }
  const int64_t coefficients = within(node(), "dct_coefficient_count", 13, 1);
  if (coefficients > bands) refuse(fmt::format("{} coefficients of {} bands", coefficients, bands));
  if (samples >= 0 && samples < size)
    refuse(fmt::format("{} samples are less than a window of {}", samples, size));

  const int64_t frames = samples < 0 ? kSymbolic : 1 + (samples - size) / stride;
  builder_.metadata(std::string(kFrontEndKey), front_end_text(node(), size, stride));
  const Shape shape = {1, frames, coefficients};
  const ValueId value =
      builder_.input(std::string(node().name), DataType::float32, shape, {"", "frames", ""});
  values_[ref_] = {value, false, frames == kSymbolic ? std::nullopt : std::optional(shape), {}};
}

}  // namespace deltahop::graph_def
