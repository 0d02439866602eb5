// SPDX-License-Identifier: Apache-2.0
// The ways to write a front end down: one line of text, YAML, TensorFlow's attributes.
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {
namespace {

constexpr std::string_view kForms =
    "known: log_mel(bands, frame, hop), mel(bands, frame, hop), mfcc(coefficients, frame, hop), "
    "tensorflow_mfcc(coefficients, frame, hop), magnitude(frame, hop), power(frame, hop), samples(frame, "
    "hop); "
    "for example log_mel(40, 25 ms, 10 ms)";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct Call {
  std::string_view name;
  std::vector<std::string_view> arguments;
};

Call parse_call(std::string_view text) {
  const std::string_view all = trimmed(text);
  const size_t open = all.find('(');
  if (open == std::string_view::npos || all.back() != ')')
    throw Error("front end", fmt::format("cannot read '{}'", text), kForms);
  Call call{trimmed(all.substr(0, open)), {}};
  std::string_view rest = all.substr(open + 1, all.size() - open - 2);
  for (size_t comma = 0; comma != std::string_view::npos;) {
    comma = rest.find(',');
    call.arguments.push_back(trimmed(rest.substr(0, comma)));
    if (comma != std::string_view::npos) rest.remove_prefix(comma + 1);
  }
  return call;
}

int64_t count_in(std::string_view text) {
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size())
    throw Error("front end", fmt::format("'{}' is not a whole number", text), kForms);
  return value;
}

constexpr double kMostSeconds = 3600;

int64_t samples_in(Seconds time, int64_t rate_Hz) {
  if (!(time.number() >= 0 && time.number() <= kMostSeconds))
    throw Error("front end", fmt::format("a frame or hop of {} s", time.number()), "take at most an hour");
  return std::llround(time.number() * static_cast<double>(rate_Hz));
}

std::string milliseconds(int64_t samples, int64_t rate_Hz) {
  return fmt::format("{} ms", static_cast<double>(samples) * 1000 / static_cast<double>(rate_Hz));
}

template <class Enum>
void read_choice(const Config& config, std::string_view key, const std::vector<std::string>& names,
                 Enum& value) {
  const std::string word = config.choice(key, names, names.at(static_cast<size_t>(value)));
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == word) value = static_cast<Enum>(i);
  }
}

void read_time(const Config& config, std::string_view key, int64_t rate_Hz, int64_t& samples) {
  if (!config.has(key)) return;
  const double seconds = config.quantity<Seconds>(key).number();
  if (seconds >= 0 && seconds <= kMostSeconds) {
    samples = std::llround(seconds * static_cast<double>(rate_Hz));
  } else {
    config.fault(key, fmt::format("{} is not a time between 0 and an hour", key));
  }
}

void read_mel(const Config& config, MelOptions& mel) {
  mel.bands = config.integer("bands", mel.bands);
  read_choice(config, "scale", mel_scale_names(), mel.scale);
  read_choice(config, "triangles", mel_triangle_names(), mel.triangles);
  mel.low_Hz = config.quantity<Hertz>("low", Hertz(mel.low_Hz)).number();
  mel.high_Hz = config.quantity<Hertz>("high", Hertz(mel.high_Hz)).number();
  mel.unit_area = config.boolean("unit_area", mel.unit_area);
  mel.of_magnitude = config.boolean("of_magnitude", mel.of_magnitude);
  mel.first_bin = config.integer("first_bin", mel.first_bin);
}

void read_normalization(const Config& config, const FrontEndOptions& options, NormalizeOptions& normalize) {
  read_choice(config, "kind", normalization_names(), normalize.kind);
  normalize.variance = config.boolean("variance", normalize.variance);
  if (config.has("means")) normalize.means = config.numbers("means");
  if (config.has("deviations")) normalize.deviations = config.numbers("deviations");
  if (config.has("horizon")) {
    normalize.horizon_frames = config.quantity<Seconds>("horizon").number() *
                               static_cast<double>(options.rate_Hz) /
                               static_cast<double>(std::max<int64_t>(options.frame.hop, 1));
  }
  normalize.smallest_deviation = config.number("smallest_deviation", normalize.smallest_deviation);
}

void read_sections(const Config& config, FrontEndOptions& options) {
  if (config.has("mel")) read_mel(config.section("mel"), options.mel);
  if (config.has("log")) {
    const Config log = config.section("log");
    options.log.floor = log.number("floor", options.log.floor);
    options.log.offset = log.number("offset", options.log.offset);
    options.log.decibel = log.boolean("decibel", options.log.decibel);
  }
  if (config.has("mfcc")) {
    const Config mfcc = config.section("mfcc");
    options.cepstrum.coefficients = mfcc.integer("coefficients", options.cepstrum.coefficients);
    read_choice(mfcc, "dct", dct_scale_names(), options.cepstrum.scale);
    options.cepstrum.lifter = mfcc.number("lifter", options.cepstrum.lifter);
  }
  if (config.has("deltas")) {
    const Config deltas = config.section("deltas");
    options.deltas.order = deltas.integer("order", options.deltas.order);
    options.deltas.width = deltas.integer("width", options.deltas.width);
  }
  if (config.has("normalization"))
    read_normalization(config.section("normalization"), options, options.normalize);
}

}  // namespace

FrontEndOptions tensorflow_mfcc(const TensorflowMfcc& attributes, int64_t rate_Hz) {
  FrontEndOptions options;
  options.rate_Hz = rate_Hz;
  options.frame = {.length = attributes.window_size, .hop = attributes.stride};
  options.fft_size = next_power_of_two(attributes.window_size);
  options.features = Features::mfcc;
  const double bin_Hz = static_cast<double>(rate_Hz) / static_cast<double>(options.fft_size);
  options.mel = {.bands = attributes.filterbank_channel_count,
                 .low_Hz = attributes.lower_frequency_limit_Hz,
                 .high_Hz = attributes.upper_frequency_limit_Hz,
                 .of_magnitude = true,
                 .first_bin = static_cast<int64_t>(1.5 + attributes.lower_frequency_limit_Hz / bin_Hz)};
  options.log.floor = 1e-12;
  options.cepstrum = {.coefficients = attributes.dct_coefficient_count, .scale = DctScale::htk};
  return options;
}

FrontEndOptions parse_front_end(std::string_view text, int64_t rate_Hz) {
  const Call call = parse_call(text);
  FrontEndOptions options;
  options.rate_Hz = rate_Hz;
  const bool tensorflow = call.name == "tensorflow_mfcc";
  const std::string name(tensorflow ? "mfcc" : call.name);
  const auto& names = feature_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw Error("front end", fmt::format("there is no '{}'", call.name), kForms);
  options.features = static_cast<Features>(found - names.begin());
  const size_t counts = options.features >= Features::mel ? 1 : 0;
  if (call.arguments.size() != counts + 2)
    throw Error("front end", fmt::format("{} takes {} values", call.name, counts + 2), kForms);
  options.frame.length = samples_in(parse_quantity<Seconds>(call.arguments[counts]), rate_Hz);
  options.frame.hop = samples_in(parse_quantity<Seconds>(call.arguments[counts + 1]), rate_Hz);
  if (counts == 0) return options;
  const int64_t count = count_in(call.arguments[0]);
  if (tensorflow) {
    return tensorflow_mfcc(
        {.window_size = options.frame.length, .stride = options.frame.hop, .dct_coefficient_count = count},
        rate_Hz);
  }
  (options.features == Features::mfcc ? options.cepstrum.coefficients : options.mel.bands) = count;
  return options;
}

FrontEndOptions read_front_end(const Config& config) {
  FrontEndOptions options;
  const double rate = config.quantity<Hertz>("rate", Hertz(16000)).number();
  if (rate >= 1 && rate <= 1e9 && rate == std::floor(rate)) {
    options.rate_Hz = static_cast<int64_t>(rate);
  } else {
    config.fault("rate", "the rate is not a whole number of Hz between 1 Hz and 1 GHz");
  }
  if (config.has("like")) {
    try {
      options = parse_front_end(config.text("like"), options.rate_Hz);
    } catch (const Error& fault) {
      config.fault("like", fault.what());
    }
  }
  read_choice(config, "features", feature_names(), options.features);
  read_time(config, "frame", options.rate_Hz, options.frame.length);
  read_time(config, "hop", options.rate_Hz, options.frame.hop);
  read_choice(config, "padding", padding_names(), options.frame.padding);
  read_choice(config, "window", window_names(), options.window);
  options.fft_size = config.integer("fft", options.fft_size);
  options.preemphasis = config.number("preemphasis", options.preemphasis);
  options.energy = config.boolean("energy", options.energy);
  read_sections(config, options);
  if (!config.faults().empty()) return options;
  try {
    const FrontEnd probe(options);  // what each part says about its options
  } catch (const Error& fault) {
    config.fault({}, fault.what());
  }
  return options;
}

std::string to_text(const FrontEndOptions& options) {
  const auto& mel = options.mel;
  const auto& normalize = options.normalize;
  std::string text = fmt::format(
      "rate: {} Hz\nfeatures: {}\nframe: {}\nhop: {}\npadding: {}\nwindow: {}\nfft: {}\npreemphasis: "
      "{}\nenergy: {}\n",
      options.rate_Hz, feature_names().at(static_cast<size_t>(options.features)),
      milliseconds(options.frame.length, options.rate_Hz), milliseconds(options.frame.hop, options.rate_Hz),
      padding_names().at(static_cast<size_t>(options.frame.padding)), name_of(options.window),
      options.fft_size, options.preemphasis, options.energy);
  text += fmt::format(
      "mel: {{bands: {}, scale: {}, triangles: {}, low: {} Hz, high: {} Hz, unit_area: {}, of_magnitude: {}, "
      "first_bin: {}}}\n",
      mel.bands, mel_scale_names().at(static_cast<size_t>(mel.scale)),
      mel_triangle_names().at(static_cast<size_t>(mel.triangles)), mel.low_Hz, mel.high_Hz, mel.unit_area,
      mel.of_magnitude, mel.first_bin);
  text += fmt::format("log: {{floor: {}, offset: {}, decibel: {}}}\n", options.log.floor, options.log.offset,
                      options.log.decibel);
  text +=
      fmt::format("mfcc: {{coefficients: {}, dct: {}, lifter: {}}}\n", options.cepstrum.coefficients,
                  dct_scale_names().at(static_cast<size_t>(options.cepstrum.scale)), options.cepstrum.lifter);
  text += fmt::format("deltas: {{order: {}, width: {}}}\n", options.deltas.order, options.deltas.width);
  text += fmt::format("normalization: {{kind: {}, variance: {}, smallest_deviation: {}, horizon: {} s",
                      normalization_names().at(static_cast<size_t>(normalize.kind)), normalize.variance,
                      normalize.smallest_deviation,
                      normalize.horizon_frames * static_cast<double>(options.frame.hop) /
                          static_cast<double>(options.rate_Hz));
  if (!normalize.means.empty()) text += fmt::format(", means: [{}]", fmt::join(normalize.means, ", "));
  if (!normalize.deviations.empty())
    text += fmt::format(", deviations: [{}]", fmt::join(normalize.deviations, ", "));
  return text + "}\n";
}

}  // namespace deltahop
