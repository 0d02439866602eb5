// SPDX-License-Identifier: Apache-2.0
// Arrays of layer 1 are called "sequence/1/about" (the node's name, text as bytes), ".../settings" (int64),
// ".../inputs" [T, I], ".../outputs" [T, H], ".../bias" [3H], ".../input_columns" [I, 3H],
// ".../recurrent_columns" [H, 3H] and, where there is one, ".../candidate_recurrent_bias" [H], all int16.
#include "deltahop/run/saved_sequence.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr std::string_view kPrefix = "sequence/";
constexpr int64_t kMostLayers = 64;
constexpr size_t kSettings = 8;

Tensor tensor_of(const std::vector<int16_t>& values, Shape shape) {
  Tensor tensor(DataType::int16, std::move(shape));
  DELTAHOP_CHECK(tensor.size() == std::ssize(values));
  std::copy(values.begin(), values.end(), tensor.values<int16_t>().begin());
  return tensor;
}

std::string key_of(int64_t layer, std::string_view part) {
  return fmt::format("{}{}/{}", kPrefix, layer, part);
}

class LayerReader {
 public:
  LayerReader(const std::map<std::string, Tensor>& arrays, int64_t layer) : arrays_(arrays), layer_(layer) {}

  SavedLayer read() {
    SavedLayer saved;
    const auto about = typed("about", DataType::uint8).values<uint8_t>();
    saved.name.assign(about.begin(), about.end());
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    read_settings(*layer);
    saved.trace.inputs = codes("inputs", layer->formats.activation, 2);
    saved.trace.outputs = codes("outputs", layer->formats.activation, 2);
    layer->inputs = saved.trace.inputs.dim(1);
    layer->hidden = saved.trace.outputs.dim(1);
    if (layer->inputs < 1 || layer->hidden < 1 || saved.trace.inputs.dim(0) < 1 ||
        saved.trace.inputs.dim(0) != saved.trace.outputs.dim(0))
      throw Error("",
                  fmt::format("inputs are {}, outputs {}", to_text(saved.trace.inputs.shape()),
                              to_text(saved.trace.outputs.shape())),
                  "wanted one row a step");
    const int64_t rows = layer->rows();
    layer->bias = weights("bias", *layer, {rows});
    layer->input_columns = weights("input_columns", *layer, {layer->inputs, rows});
    layer->recurrent_columns = weights("recurrent_columns", *layer, {layer->hidden, rows});
    if (arrays_.count(key_of(layer_, "candidate_recurrent_bias")) != 0)
      layer->candidate_recurrent_bias = weights("candidate_recurrent_bias", *layer, {layer->hidden});
    saved.trace.layer = std::move(layer);
    count_sent(saved.trace);
    return saved;
  }
  size_t parts() const { return parts_; }

 private:
  const Tensor& typed(std::string_view part, DataType type) {
    const auto found = arrays_.find(key_of(layer_, part));
    if (found == arrays_.end())
      throw Error("", fmt::format("the array '{}' is missing", key_of(layer_, part)));
    if (found->second.type() != type)
      throw Error("", fmt::format("'{}' is {}", found->first, name_of(found->second.type())),
                  fmt::format("wanted {}", name_of(type)));
    ++parts_;
    return found->second;
  }
  const Tensor& codes(std::string_view part, FixedFormat format, size_t rank) {
    const Tensor& tensor = typed(part, DataType::int16);
    if (tensor.rank() != rank)
      throw Error("", fmt::format("'{}' is {}", key_of(layer_, part), to_text(tensor.shape())));
    const auto values = tensor.values<int16_t>();
    const bool fits = std::all_of(values.begin(), values.end(), [&](int16_t value) {
      return value >= format.lowest() && value <= format.highest();
    });
    if (!fits)
      throw Error("", fmt::format("'{}' holds codes beyond {}", key_of(layer_, part), to_text(format)));
    return tensor;
  }
  std::vector<int16_t> weights(std::string_view part, const IntegerDeltaGruLayer& layer, const Shape& shape) {
    const Tensor& tensor = codes(part, layer.formats.weight, shape.size());
    if (tensor.shape() != shape)
      throw Error("", fmt::format("'{}' is {}", key_of(layer_, part), to_text(tensor.shape())),
                  fmt::format("wanted {}", to_text(shape)));
    const auto values = tensor.values<int16_t>();
    return {values.begin(), values.end()};
  }
  void read_settings(IntegerDeltaGruLayer& layer) {
    const Tensor& settings = typed("settings", DataType::int64);
    if (settings.shape() != Shape{static_cast<int64_t>(kSettings)})
      throw Error("", fmt::format("'{}' is not {} numbers", key_of(layer_, "settings"), kSettings));
    const auto numbers = settings.values<int64_t>();
    size_t at = 0;
    const auto next = [&](int64_t low, int64_t high) {
      const int64_t value = numbers[at++];
      if (value < low || value > high)
        throw Error("", fmt::format("number {} of '{}' is {}", at - 1, key_of(layer_, "settings"), value),
                    fmt::format("{} to {}", low, high));
      return static_cast<int>(value);
    };
    DeltaGruFormats& formats = layer.formats;
    formats.activation.total_bits = next(2, 16);
    formats.activation.fraction_bits = next(0, 15);
    formats.weight.total_bits = next(2, 16);
    formats.weight.fraction_bits = next(0, 15);
    formats.accumulator_bits = next(16, 48);
    formats.gate_fraction_bits = next(0, 15);
    layer.theta_x = next(0, std::numeric_limits<int16_t>::max());
    layer.theta_h = next(0, std::numeric_limits<int16_t>::max());
    check_formats(formats);
  }

  const std::map<std::string, Tensor>& arrays_;
  int64_t layer_;
  size_t parts_ = 0;
};

}  // namespace

std::map<std::string, Tensor> arrays_of(const std::vector<SavedLayer>& layers) {
  std::map<std::string, Tensor> arrays;
  for (size_t k = 0; k < layers.size(); ++k) {
    const RecurrentTrace& trace = layers[k].trace;
    const IntegerDeltaGruLayer& layer = *trace.layer;
    const DeltaGruFormats& formats = layer.formats;
    const auto put = [&](std::string_view part, Tensor tensor) {
      arrays.emplace(key_of(static_cast<int64_t>(k), part), std::move(tensor));
    };
    Tensor about(DataType::uint8, {std::ssize(layers[k].name)});
    std::copy(layers[k].name.begin(), layers[k].name.end(), about.values<uint8_t>().begin());
    put("about", std::move(about));
    put("settings", Tensor::of<int64_t>(
                        {static_cast<int64_t>(kSettings)},
                        {formats.activation.total_bits, formats.activation.fraction_bits,
                         formats.weight.total_bits, formats.weight.fraction_bits, formats.accumulator_bits,
                         formats.gate_fraction_bits, layer.theta_x, layer.theta_h}));
    put("inputs", trace.inputs);
    put("outputs", trace.outputs);
    put("bias", tensor_of(layer.bias, {layer.rows()}));
    put("input_columns", tensor_of(layer.input_columns, {layer.inputs, layer.rows()}));
    put("recurrent_columns", tensor_of(layer.recurrent_columns, {layer.hidden, layer.rows()}));
    if (!layer.candidate_recurrent_bias.empty())
      put("candidate_recurrent_bias", tensor_of(layer.candidate_recurrent_bias, {layer.hidden}));
  }
  return arrays;
}

bool holds_sequence(const std::map<std::string, Tensor>& arrays) {
  return !arrays.empty() && arrays.begin()->first.starts_with(kPrefix);
}

std::vector<SavedLayer> sequence_from(const std::map<std::string, Tensor>& arrays, std::string_view name) {
  std::vector<SavedLayer> layers;
  try {
    size_t parts = 0;
    while (arrays.count(key_of(std::ssize(layers), "about")) != 0) {
      if (std::ssize(layers) == kMostLayers) throw Error("", "there are too many layers");
      LayerReader reader(arrays, std::ssize(layers));
      layers.push_back(reader.read());
      parts += reader.parts();
      if (layers.back().trace.steps() != layers.front().trace.steps())
        throw Error("", "its layers have other numbers of steps");
    }
    if (layers.empty()) throw Error("", "there is no layer of a sequence");
    if (parts != arrays.size()) throw Error("", "there are arrays that belong to no layer of a sequence");
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
  return layers;
}

}  // namespace deltahop
