// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/parameter_source.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/io/deep_compression.h"
#include "deltahop/io/npz.h"
#include "deltahop/io/safetensors.h"
#include "deltahop/io/zip.h"

namespace deltahop {
namespace {

const std::vector<std::string> kFormats = {"safetensors", "npz", "npy_folder", "deep_compression"};
const std::vector<std::string> kDimensions = {"out", "in", "rows", "columns"};

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
  return good ? std::optional(value) : std::nullopt;
}

// "0.5", "1/255" or "2^-14".
std::optional<double> parse_scale(std::string_view text) {
  if (text.substr(0, 2) == "2^") {
    const auto exponent = parse_number(text.substr(2));
    if (!exponent || *exponent != std::round(*exponent) || std::abs(*exponent) > 64) return std::nullopt;
    return std::ldexp(1.0, static_cast<int>(*exponent));
  }
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_number(text);
  const auto numerator = parse_number(text.substr(0, slash)),
             denominator = parse_number(text.substr(slash + 1));
  if (!numerator || !denominator || *denominator == 0) return std::nullopt;
  return *numerator / *denominator;
}

// What '*' stands for where `text` fits `pattern`.
std::optional<std::string> matched(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text ? std::optional<std::string>("") : std::nullopt;
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (text.size() < head.size() + tail.size() || !text.starts_with(head) || !text.ends_with(tail))
    return std::nullopt;
  return std::string(text.substr(head.size(), text.size() - head.size() - tail.size()));
}

std::string filled(const std::string& pattern, const std::string& star) {
  const size_t at = pattern.find('*');
  return at == std::string::npos ? pattern : pattern.substr(0, at) + star + pattern.substr(at + 1);
}

TensorRule read_rule(const Config& item) {
  TensorRule rule;
  rule.place = item.place();
  rule.parameter = item.text("parameter");
  rule.tensor = item.text("tensor");
  for (const std::string* pattern : {&rule.parameter, &rule.tensor}) {
    if (std::count(pattern->begin(), pattern->end(), '*') > 1)
      item.fault({}, fmt::format("'{}' has more than one '*'", *pattern));
  }
  if (item.has("layout")) rule.layout = item.texts("layout");
  for (const std::string& word : rule.layout) {
    if (std::count(rule.layout.begin(), rule.layout.end(), word) != 1 ||
        std::count(kDimensions.begin(), kDimensions.end(), word) != 1) {
      item.fault("layout", fmt::format("'{}' stands twice or is no dimension", word),
                 "out, in, rows and columns, in the order stored");
    }
  }
  if (item.has("scale")) {
    const std::string text = item.text("scale");
    const auto scale = parse_scale(text);
    if (!scale) item.fault("scale", fmt::format("'{}' is no scale", text), "write a number, 1/255 or 2^-14");
    rule.scale = scale.value_or(1);
  }
  return rule;
}

Shape without_ones(const Shape& shape) {
  Shape result;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(result), [](int64_t d) { return d != 1; });
  return result;
}

// Stored dimensions in the order of `layout`, turned to out, in, rows, columns.
Tensor turned(const Tensor& stored, const std::vector<std::string>& layout) {
  std::vector<size_t> axes;  // of the stored tensor, in the order of the result
  for (const std::string& word : kDimensions) {
    const auto found = std::find(layout.begin(), layout.end(), word);
    if (found != layout.end()) axes.push_back(static_cast<size_t>(found - layout.begin()));
  }
  const std::vector<int64_t> strides = strides_of(stored.shape());
  Shape shape;
  std::vector<int64_t> steps;
  for (const size_t axis : axes) {
    shape.push_back(stored.shape()[axis]);
    steps.push_back(strides[axis]);
  }
  Tensor result(DataType::float32, shape);
  const auto source = stored.values<float>();
  std::vector<int64_t> index(shape.size(), 0);
  int64_t from = 0;
  for (float& value : result.values<float>()) {
    value = source[static_cast<size_t>(from)];
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += steps[axis];
      if (++index[axis] < shape[axis]) break;
      from -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

struct Found {
  std::string tensor;
  const TensorRule* rule = nullptr;
};

Found find_tensor(const WeightSection& section, const std::string& parameter) {
  for (const TensorRule& rule : section.rules) {
    if (const auto star = matched(rule.parameter, parameter)) return {filled(rule.tensor, *star), &rule};
  }
  return {parameter, nullptr};
}

Tensor as_parameter(const Tensor& stored, const Parameter& parameter, const Found& found,
                    const std::string& file) {
  const std::string place = fmt::format("{}: tensor '{}'", file, found.tensor);
  Tensor tensor = stored.converted(DataType::float32);
  if (found.rule != nullptr && !found.rule->layout.empty()) {
    if (found.rule->layout.size() != stored.rank()) {
      throw Error(found.rule->place,
                  fmt::format("the layout has {} dimensions, the tensor '{}' has the shape {}",
                              found.rule->layout.size(), found.tensor, to_text(stored.shape())));
    }
    tensor = turned(tensor, found.rule->layout);
  }
  // [out, in] may be stored as [out, in, 1, 1] and the other way round.
  const bool same_rank = tensor.rank() == parameter.shape.size();
  if (same_rank ? tensor.shape() != parameter.shape
                : without_ones(tensor.shape()) != without_ones(parameter.shape)) {
    throw Error(place,
                fmt::format("has the shape {}, the parameter '{}' needs {}", to_text(tensor.shape()),
                            parameter.name, to_text(parameter.shape)),
                "another network, or another layout?");
  }
  if (found.rule != nullptr && found.rule->scale != 1) {
    for (float& value : tensor.values<float>()) value = static_cast<float>(double{value} * found.rule->scale);
  }
  return std::move(tensor).reshaped(parameter.shape);
}

// One array a file: layer1_kernel.npy holds "layer1_kernel". Only what is needed is read.
std::map<std::string, Tensor> read_npy_folder(const WeightSection& section,
                                              const std::filesystem::path& folder,
                                              const std::vector<Parameter>& parameters) {
  std::map<std::string, Tensor> tensors;
  for (const Parameter& parameter : parameters) {
    const std::string name = find_tensor(section, parameter.name).tensor;
    if (name.find('/') != std::string::npos || name.find("..") != std::string::npos) {
      throw Error(folder.string(), fmt::format("the tensor '{}' would lie outside this folder", name));
    }
    const auto path = folder / (name + ".npy");
    if (tensors.count(name) == 0 && std::filesystem::exists(path)) tensors.emplace(name, read_npy(path));
  }
  return tensors;
}

std::map<std::string, Tensor> read_deep_compression_as_tensors(const std::filesystem::path& path,
                                                               const std::vector<Parameter>& parameters) {
  std::vector<Shape> shapes;
  std::vector<std::pair<std::string, std::string>> names;  // of weights and of their biases
  for (const Parameter& parameter : parameters) {
    if (parameter.role == ParameterRole::weight) {
      shapes.push_back(parameter.shape);
      names.emplace_back(parameter.name, "");
    } else if (parameter.role == ParameterRole::bias && !names.empty()) {
      names.back().second = parameter.name;
    } else {
      throw Error(path.string(),
                  fmt::format("a Deep Compression file has weights and biases only, the network needs '{}'",
                              parameter.name));
    }
  }
  std::vector<CompressedLayer> layers = read_deep_compression(path, shapes);
  std::map<std::string, Tensor> tensors;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (names[i].second.empty())
      throw Error(path.string(), fmt::format("has biases for '{}', which takes none", names[i].first));
    tensors.emplace(names[i].first, std::move(layers[i].weights));
    tensors.emplace(names[i].second, std::move(layers[i].bias));
  }
  return tensors;
}

// Deep Compression files have no magic: they are what is left.
std::string format_of(const std::filesystem::path& path) {
  std::error_code fault;
  if (std::filesystem::is_directory(path, fault)) return "npy_folder";
  if (!std::filesystem::exists(path, fault))
    throw Error(path.string(), "no such file", "check the path of the weights");
  std::string start(9, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<size_t>(file.gcount()));
  if (start.empty()) throw Error(path.string(), "is empty");
  if (is_zip(start)) return "npz";
  if (start.substr(1, 5) == "NUMPY")
    throw Error(path.string(), "is a single array", "name the folder of the NPY files, or an NPZ file");
  return start.size() == 9 && start[8] == '{' ? "safetensors" : "deep_compression";
}

void check_names(const WeightSection& section, const std::map<std::string, Tensor>& tensors,
                 const std::vector<Parameter>& parameters, const std::string& file) {
  std::vector<std::string> stored;
  for (const auto& [name, tensor] : tensors) stored.push_back(name);
  std::set<std::string> used;
  for (const Parameter& parameter : parameters) {
    const Found found = find_tensor(section, parameter.name);
    if (tensors.count(found.tensor) == 0) {
      const std::string what =
          fmt::format("has no tensor '{}' for the parameter '{}'", found.tensor, parameter.name);
      throw Error(file, what,
                  stored.size() > 20 && nearest_word(found.tensor, stored).empty()
                      ? "do file and network belong together?"
                      : suggest(found.tensor, stored));
    }
    used.insert(found.tensor);
  }
  for (const std::string& name : stored) {
    const bool ignored =
        std::any_of(section.ignored.begin(), section.ignored.end(),
                    [&](const std::string& pattern) { return matched(pattern, name).has_value(); });
    if (used.count(name) == 0 && !ignored) {
      throw Error(file, fmt::format("has the tensor '{}', which no parameter takes", name),
                  "name it in weights: ignore, if that is right");
    }
  }
}

// Sebastiano Vigna's SplitMix64: one addition and a few shifts a number, so that a hundred million weights
// take no second.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

uint64_t hash_of(std::string_view text) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

WeightSection read_weight_section(const Config& config) {
  WeightSection section;
  const Config weights = config.section("weights");
  section.file = weights.text("file", "");
  if (weights.has("format")) section.format = weights.choice("format", kFormats);
  for (const Config& item : weights.list("tensors")) {
    if (item.is_scalar())
      item.fault({}, fmt::format("'{}' is no rule", item.scalar()), "write {parameter: ..., tensor: ...}");
    else
      section.rules.push_back(read_rule(item));
  }
  if (weights.has("ignore")) section.ignored = weights.texts("ignore");
  return section;
}

ParameterMaker seeded_parameters(uint64_t seed) {
  return [seed](const Parameter& parameter) {
    Tensor tensor(DataType::float32, parameter.shape);
    const auto values = tensor.values<float>();
    if (parameter.role == ParameterRole::scale || parameter.role == ParameterRole::variance)
      std::fill(values.begin(), values.end(), 1.0f);
    if (parameter.role != ParameterRole::weight) return tensor;
    SplitMix random(SplitMix(seed).next() ^ hash_of(parameter.name));
    const float limit =
        static_cast<float>(std::sqrt(6.0 / static_cast<double>(std::max<int64_t>(parameter.fan_in, 1))));
    // Two weights a draw, 24 bits each, in [-limit, limit).
    for (size_t i = 0; i < values.size(); i += 2) {
      const uint64_t bits = random.next();
      values[i] = limit * (static_cast<float>(bits >> 40) * 0x1.0p-23f - 1.0f);
      if (i + 1 < values.size())
        values[i + 1] = limit * (static_cast<float>((bits >> 8) & 0xffffffu) * 0x1.0p-23f - 1.0f);
    }
    return tensor;
  };
}

ParameterMaker parameters_from_file(const WeightSection& section, const std::filesystem::path& path,
                                    const std::vector<Parameter>& parameters) {
  const std::string format = section.format.empty() ? format_of(path) : section.format;
  auto tensors = std::make_shared<std::map<std::string, Tensor>>();
  WeightSection names = section;
  if (format == "safetensors") *tensors = read_safetensors(path);
  if (format == "npz") *tensors = read_npz(path);
  if (format == "npy_folder") *tensors = read_npy_folder(section, path, parameters);
  if (format == "deep_compression") {
    *tensors = read_deep_compression_as_tensors(path, parameters);
    names.rules.clear();  // the file has an order, no names
  }
  check_names(names, *tensors, parameters, path.string());
  return [tensors, names = std::move(names), file = path.string()](const Parameter& parameter) {
    const Found found = find_tensor(names, parameter.name);
    return as_parameter(tensors->at(found.tensor), parameter, found, file);
  };
}

}  // namespace deltahop
