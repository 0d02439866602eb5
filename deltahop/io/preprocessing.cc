// SPDX-License-Identifier: Apache-2.0
// From decoded pixels to the numbers that a network expects, as declared.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/io/resize.h"
#include "deltahop/io/samples.h"

namespace deltahop {
namespace {

constexpr int64_t kLargestSide = 1 << 13;

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
  return good ? std::optional(value) : std::nullopt;
}

// A number or a fraction of two.
std::optional<double> parse_fraction(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_number(text);
  const auto numerator = parse_number(text.substr(0, slash));
  const auto denominator = parse_number(text.substr(slash + 1));
  if (!numerator || !denominator || *denominator == 0) return std::nullopt;
  return *numerator / *denominator;
}

std::vector<double> read_fractions(const Config& config, std::string_view key) {
  if (!config.has(key)) return {};
  std::vector<double> values;
  for (const std::string& text :
       config.is_list(key) ? config.texts(key) : std::vector<std::string>{config.text(key)}) {
    const auto value = parse_fraction(text);
    if (!value)
      config.fault(key, fmt::format("'{}' is not a number", text),
                   "write a number or a fraction such as 1/255");
    values.push_back(value.value_or(0));
  }
  if (values.size() != 1 && values.size() != 3)
    config.fault(key, fmt::format("'{}' has {} values", key, values.size()),
                 "one for all channels, or three");
  return values;
}

// Rows, columns and channels that the network asks for; rows and columns are 0 where its input is flat.
struct Target {
  int64_t channels = 0, rows = 0, columns = 0;
};

Target target_of(const Preprocessing& preprocessing, const Shape& shape, const Sample& sample,
                 int64_t picture_channels) {
  Shape inner = shape;
  if (inner.size() == 4 || inner.size() == 2) inner.erase(inner.begin());
  if (inner.size() == 3 && preprocessing.layout == "nchw") return {inner[0], inner[1], inner[2]};
  if (inner.size() == 3) return {inner[2], inner[0], inner[1]};
  if (inner.size() != 1)
    throw Error(sample.name, fmt::format("a picture cannot become an input of shape {}", to_text(shape)));
  return {preprocessing.channels == "gray" ? 1 : picture_channels, 0, 0};
}

// The long side keeps the proportion, rounded to the nearest pixel.
Tensor resized_as_declared(const Sample& sample, const Preprocessing& preprocessing) {
  const Tensor& picture = sample.values;
  if (preprocessing.resize) return resized(picture, preprocessing.resize->at(0), preprocessing.resize->at(1));
  if (preprocessing.resize_short_side == 0) return picture;
  const int64_t rows = picture.dim(0), columns = picture.dim(1), side = preprocessing.resize_short_side;
  const int64_t shorter = std::min(rows, columns);
  const int64_t long_side = (2 * side * std::max(rows, columns) + shorter) / (2 * shorter);
  if (long_side > kLargestSide)
    throw Error(sample.name, fmt::format("is too narrow a picture to be resized: {}x{}", rows, columns));
  return rows <= columns ? resized(picture, side, long_side) : resized(picture, long_side, side);
}

struct Window {
  int64_t row = 0, column = 0, rows = 0, columns = 0;
};

Window window_of(const Tensor& picture, const Preprocessing& preprocessing, const Target& target,
                 const Sample& sample) {
  const int64_t rows = picture.dim(0), columns = picture.dim(1);
  if (target.rows == 0 || (rows == target.rows && columns == target.columns)) return {0, 0, rows, columns};
  const std::string sizes = fmt::format("the picture has {}x{} pixels, the network asks for {}x{}", rows,
                                        columns, target.rows, target.columns);
  if (!preprocessing.center_crop) {
    throw Error(sample.name, sizes,
                "declare 'resize: [rows, columns]', or 'resize_short_side' and 'crop: center'");
  }
  if (rows < target.rows || columns < target.columns)
    throw Error(sample.name, sizes, "it is too small to be cropped: declare a resize");
  // Of an odd rest the smaller half is cut at the top and on the left.
  return {(rows - target.rows) / 2, (columns - target.columns) / 2, target.rows, target.columns};
}

// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L").
double luma(const uint8_t* pixel) {
  return static_cast<double>((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
}

// Value of output channel `channel` of a pixel.
double channel_value(const uint8_t* pixel, int64_t picture_channels, int64_t channel,
                     const Preprocessing& preprocessing) {
  if (picture_channels == 1) return pixel[0];
  if (preprocessing.channels == "gray") return luma(pixel);
  return pixel[preprocessing.channels == "bgr" ? 2 - channel : channel];
}

double at(const std::vector<double>& values, int64_t channel, double fallback) {
  if (values.empty()) return fallback;
  return values.size() == 1 ? values[0] : values.at(static_cast<size_t>(channel));
}

void check_channels(const Preprocessing& preprocessing, int64_t channels, int64_t picture_channels,
                    const Sample& sample) {
  if (channels != 1 && channels != 3) {
    throw Error(sample.name, fmt::format("a picture cannot become an input of {} channels", channels));
  }
  if (channels == 1 && picture_channels == 3 && preprocessing.channels != "gray") {
    throw Error(sample.name, "is a colour picture, the network asks for one channel",
                "declare 'channels: gray'");
  }
  for (const auto* values : {&preprocessing.mean, &preprocessing.scale}) {
    if (values->size() > 1 && static_cast<int64_t>(values->size()) != channels) {
      throw Error("preprocessing",
                  fmt::format("has {} values a pixel, the network {} channels", values->size(), channels));
    }
  }
}

Tensor prepared_picture(const Sample& sample, const Preprocessing& preprocessing, const Shape& shape) {
  DELTAHOP_CHECK(sample.values.rank() == 3 && sample.values.type() == DataType::uint8);
  const int64_t picture_channels = sample.values.dim(2);
  const Target target = target_of(preprocessing, shape, sample, picture_channels);
  check_channels(preprocessing, target.channels, picture_channels, sample);
  const Tensor picture = resized_as_declared(sample, preprocessing);
  const Window window = window_of(picture, preprocessing, target, sample);
  if (window.rows * window.columns * target.channels != element_count(shape)) {
    throw Error(sample.name, fmt::format("{}x{} pixels with {} channels do not fit the network's input {}",
                                         window.rows, window.columns, target.channels, to_text(shape)));
  }
  Tensor input(DataType::float32, shape);
  const auto values = input.values<float>();
  const auto pixels = picture.values<uint8_t>();
  const bool channels_first = preprocessing.layout == "nchw";
  for (int64_t row = 0; row < window.rows; ++row) {
    for (int64_t column = 0; column < window.columns; ++column) {
      const int64_t place = ((window.row + row) * picture.dim(1) + window.column + column) * picture_channels;
      for (int64_t channel = 0; channel < target.channels; ++channel) {
        const double value =
            channel_value(&pixels[static_cast<size_t>(place)], picture_channels, channel, preprocessing);
        const int64_t pixel = row * window.columns + column;
        const int64_t index = channels_first ? channel * window.rows * window.columns + pixel
                                             : pixel * target.channels + channel;
        values[static_cast<size_t>(index)] = static_cast<float>((value - at(preprocessing.mean, channel, 0)) *
                                                                at(preprocessing.scale, channel, 1));
      }
    }
  }
  return input;
}

Shape without_ones(const Shape& shape) {
  Shape result;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(result), [](int64_t d) { return d != 1; });
  return result;
}

Tensor prepared_array(const Sample& sample, const Preprocessing& preprocessing, const Shape& shape) {
  const Shape given = without_ones(sample.values.shape()), wanted = without_ones(shape);
  const bool one_is_flat = given.size() <= 1 || wanted.size() <= 1;
  if (sample.values.size() != element_count(shape) || (given != wanted && !one_is_flat)) {
    throw Error(sample.name,
                fmt::format("is an array of shape {}, the network asks for {}",
                            to_text(sample.values.shape()), to_text(shape)),
                "save it in the network's layout: arrays are taken as stored");
  }
  if (preprocessing.resize || preprocessing.resize_short_side != 0)
    throw Error(sample.name, "is an array: only pictures can be resized");
  Tensor input = sample.values.converted(DataType::float32).reshaped(shape);
  if (preprocessing.mean.empty() && preprocessing.scale.empty()) return input;
  const bool by_channel = preprocessing.mean.size() > 1 || preprocessing.scale.size() > 1;
  if (by_channel && shape.size() < 3)
    throw Error(sample.name, "is a flat array: mean and scale need one value for all channels");
  const size_t axis =
      preprocessing.layout == "nchw" ? shape.size() - std::min<size_t>(shape.size(), 3) : shape.size() - 1;
  const int64_t channels = by_channel ? shape.at(axis) : 1;
  if (by_channel) check_channels(preprocessing, channels, channels, sample);
  const int64_t plane =
      by_channel && preprocessing.layout == "nchw" ? shape[shape.size() - 2] * shape.back() : 1;
  int64_t index = 0;
  for (float& value : input.values<float>()) {
    const int64_t channel = by_channel ? index / plane % channels : 0;
    value = static_cast<float>((double{value} - at(preprocessing.mean, channel, 0)) *
                               at(preprocessing.scale, channel, 1));
    ++index;
  }
  return input;
}

}  // namespace

Preprocessing read_preprocessing(const Config& config) {
  Preprocessing result;
  result.resize_short_side = config.integer("resize_short_side", 0);
  const auto check_side = [&](std::string_view key, int64_t side) {
    if (side < 1 || side > kLargestSide) config.fault(key, fmt::format("{} pixels are not possible", side));
  };
  if (config.has("resize_short_side")) check_side("resize_short_side", result.resize_short_side);
  if (config.has("resize")) {
    result.resize = config.integers("resize");
    if (result.resize->size() != 2)
      config.fault("resize", "'resize' has two values", "write [rows, columns]");
    for (const int64_t side : *result.resize) check_side("resize", side);
    if (config.has("resize_short_side"))
      config.fault("resize", "stands beside 'resize_short_side'", "declare one of them");
  }
  result.center_crop = config.choice("crop", {"none", "center"}, "none") == "center";
  result.channels = config.choice("channels", {"rgb", "bgr", "gray"}, "rgb");
  result.layout = config.choice("layout", {"nchw", "nhwc"}, "nchw");
  result.mean = read_fractions(config, "mean");
  result.scale = read_fractions(config, "scale");
  return result;
}

Preprocessing parse_preprocessing(std::string_view text, std::string_view name) {
  const Config config = Config::from_text(text, name);
  Preprocessing result = read_preprocessing(config);
  config.finish();
  return result;
}

std::string to_text(const Preprocessing& preprocessing) {
  std::string text;
  if (preprocessing.resize_short_side != 0)
    text += fmt::format("resize_short_side: {}\n", preprocessing.resize_short_side);
  if (preprocessing.resize) text += fmt::format("resize: [{}]\n", fmt::join(*preprocessing.resize, ", "));
  if (preprocessing.center_crop) text += "crop: center\n";
  text += fmt::format("channels: {}\nlayout: {}\n", preprocessing.channels, preprocessing.layout);
  if (!preprocessing.mean.empty()) text += fmt::format("mean: [{}]\n", fmt::join(preprocessing.mean, ", "));
  if (!preprocessing.scale.empty())
    text += fmt::format("scale: [{}]\n", fmt::join(preprocessing.scale, ", "));
  return text;
}

Tensor prepared(const Sample& sample, const Preprocessing& preprocessing, const Shape& shape) {
  if (sample.values.size() == 0) throw Error(sample.name, "is an empty array");
  return sample.is_picture ? prepared_picture(sample, preprocessing, shape)
                           : prepared_array(sample, preprocessing, shape);
}

}  // namespace deltahop
