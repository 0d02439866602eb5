// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/deep_compression.h"

#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/byte_reader.h"

namespace deltahop {
namespace {

constexpr size_t kCodes = 256;

float finite(ByteReader& reader, std::string_view what, std::string_view place) {
  const float value = reader.little<float>(what);
  if (!std::isfinite(value))
    throw Error(place, fmt::format("has a value in {} that is not finite", what), "the file is damaged");
  return value;
}

CompressedLayer read_layer(ByteReader& reader, const Shape& shape, uint64_t stored, std::string_view place) {
  CompressedLayer layer{Tensor(DataType::float32, shape), Tensor(DataType::float32, {shape.at(0)}),
                        static_cast<int64_t>(stored)};
  std::vector<float> codebook(kCodes);
  for (float& value : codebook) value = finite(reader, "the codebook", place);
  for (float& value : layer.bias.values<float>()) value = finite(reader, "the biases", place);
  const std::string_view codes = reader.take(stored, "the codes");
  const std::string_view gaps = reader.take((stored + 1) / 2, "the gaps");
  const auto weights = layer.weights.values<float>();
  uint64_t position = 0;  // of the next weight that no gap has skipped
  for (size_t i = 0; i < stored; ++i) {
    const uint8_t pair = static_cast<uint8_t>(gaps[i / 2]);
    position += i % 2 == 0 ? pair & 15u : pair >> 4;
    if (position >= weights.size())
      throw Error(place, "has weights beyond its shape", "do the layer shapes belong to this file?");
    const uint8_t code = static_cast<uint8_t>(codes[i]);
    // Code 0 is no weight: it carries a gap of more than 15 zeros.
    if (code != 0) weights[position] = codebook[code];
    ++position;
  }
  return layer;
}

}  // namespace

std::vector<CompressedLayer> parse_deep_compression(std::string_view content, std::string_view name,
                                                    const std::vector<Shape>& weight_shapes) {
  if (content.empty()) throw Error(name, "is empty");
  ByteReader reader(content, name);
  std::vector<uint64_t> stored;
  for (const Shape& shape : weight_shapes) {
    stored.push_back(reader.little<uint32_t>("the entry counts"));
    if (stored.back() > static_cast<uint64_t>(element_count(shape))) {
      throw Error(name,
                  fmt::format("stores {} entries for layer {}, which has only {} weights", stored.back(),
                              stored.size(), element_count(shape)),
                  "it belongs to another network or is no Deep Compression file");
    }
  }
  std::vector<CompressedLayer> layers;
  for (size_t i = 0; i < weight_shapes.size(); ++i) {
    layers.push_back(
        read_layer(reader, weight_shapes[i], stored[i], fmt::format("{}: layer {}", name, i + 1)));
  }
  if (reader.remaining() != 0) {
    throw Error(name, fmt::format("has {} bytes more than the network's layers need", reader.remaining()),
                "it belongs to another network");
  }
  return layers;
}

std::vector<CompressedLayer> read_deep_compression(const std::filesystem::path& path,
                                                   const std::vector<Shape>& weight_shapes) {
  return parse_deep_compression(read_file(path), path.string(), weight_shapes);
}

}  // namespace deltahop
