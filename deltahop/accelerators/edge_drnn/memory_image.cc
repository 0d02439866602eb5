// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/memory_image.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>

#include <fmt/format.h>

#include "deltahop/accelerators/edge_drnn/stack.h"
#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {
namespace {

constexpr size_t kFirstUnits = 5;  // word of the first layer's size

// One column of 3 * `padded` bytes from rows of 3 * `units`; empty input for a column of zeros.
void append_column(std::vector<int8_t>& bytes, std::span<const int16_t> rows, int64_t units, int64_t padded) {
  for (int64_t gate = 0; gate < 3; ++gate)
    for (int64_t unit = 0; unit < padded; ++unit)
      bytes.push_back(unit < units && !rows.empty()
                          ? static_cast<int8_t>(rows[static_cast<size_t>(gate * units + unit)])
                          : int8_t{0});
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = std::tolower(static_cast<unsigned char>(c));
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// The hexadecimal digits of a line, before any comment; calls use(digits, line number).
template <class Use>
void for_each_hex_line(std::string_view text, size_t digits, std::string_view place, Use&& use) {
  for (int64_t number = 1; !text.empty(); ++number) {
    std::string_view line = next_line(text);
    line = line.substr(0, line.find("//"));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty()) continue;
    const bool is_hex = std::all_of(line.begin(), line.end(), [](char c) { return hex_digit(c) >= 0; });
    if (line.size() != digits || !is_hex)
      throw Error(fmt::format("{}:{}", place, number), fmt::format("is not {} hexadecimal digits", digits));
    use(line);
  }
}

int unit_count(const MemoryImage& image, size_t layer) { return image.configuration[kFirstUnits + layer]; }

void require_words(const MemoryImage& image, const EdgeDrnnConfig& chip) {
  const auto fault = [](const std::string& what) { throw Error("configuration words", what); };
  if (image.configuration.size() != kConfigurationWords)
    fault(fmt::format("are {}, not {}", image.configuration.size(), kConfigurationWords));
  const int64_t layers = image.configuration[3];
  if (layers < 1 || layers > chip.most_layers ||
      kFirstUnits + static_cast<size_t>(layers) > kConfigurationWords)
    fault(fmt::format("name {} layers; the chip has 1 to {}", layers, chip.most_layers));
  for (size_t word = kFirstUnits - 1; word < kFirstUnits + static_cast<size_t>(layers); ++word) {
    const int64_t size = image.configuration[word];
    if (size < 1 || size > chip.most_units || size % chip.elements != 0)
      fault(fmt::format("name a layer of {}; want a multiple of {} up to {}", size, chip.elements,
                        chip.most_units));
  }
}

}  // namespace

MemoryImage make_image(const EdgeDrnnConfig& chip, const Layers& layers) {
  require_stack(chip, layers);
  MemoryImage image;
  image.beat_bytes = chip.beat_bytes();
  image.configuration.assign(kConfigurationWords, 0);
  image.configuration[0] = static_cast<int32_t>(static_cast<uint32_t>(chip.weights_address));
  image.configuration[1] = layers.front()->theta_x;
  image.configuration[2] = layers.front()->theta_h;
  image.configuration[3] = static_cast<int32_t>(layers.size());
  LayerPlace place;
  for (size_t k = 0; k < layers.size(); ++k) {
    const IntegerDeltaGruLayer& layer = *layers[k];
    place = place_layer(chip, layer, k == 0 ? nullptr : &place);
    if (k == 0) image.configuration[4] = static_cast<int32_t>(place.inputs);
    image.configuration[kFirstUnits + k] = static_cast<int32_t>(place.units);
    append_column(image.weights, layer.bias, layer.hidden, place.units);
    for (int64_t i = 0; i < place.inputs; ++i)
      append_column(image.weights, i < layer.inputs ? layer.input_column(i) : std::span<const int16_t>(),
                    layer.hidden, place.units);
    for (int64_t j = 0; j < place.units; ++j)
      append_column(image.weights, j < layer.hidden ? layer.recurrent_column(j) : std::span<const int16_t>(),
                    layer.hidden, place.units);
  }
  return image;
}

Layers layers_of(const MemoryImage& image, const EdgeDrnnConfig& chip) {
  require_words(image, chip);
  Layers layers;
  auto next = image.weights.begin();
  int64_t inputs = image.configuration[4];
  for (size_t k = 0; k < static_cast<size_t>(image.configuration[3]); ++k) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->formats = chip.formats;
    layer->inputs = inputs;
    layer->hidden = unit_count(image, k);
    layer->theta_x = image.configuration[1];
    layer->theta_h = image.configuration[2];
    const auto take = [&](std::vector<int16_t>& into, int64_t columns) {
      const int64_t count = columns * layer->rows();
      if (image.weights.end() - next < count) throw Error("weights", "end before the last column");
      into.assign(next, next + count);
      next += count;
    };
    take(layer->bias, 1);
    take(layer->input_columns, layer->inputs);
    take(layer->recurrent_columns, layer->hidden);
    inputs = layer->hidden;
    layers.push_back(std::move(layer));
  }
  if (next != image.weights.end()) throw Error("weights", "go on behind the last column");
  return layers;
}

std::string weights_binary(const MemoryImage& image) {
  return {reinterpret_cast<const char*>(image.weights.data()), image.weights.size()};
}

std::string configuration_binary(const MemoryImage& image) {
  std::string bytes;
  for (const int32_t word : image.configuration)
    for (int k = 0; k < 4; ++k) bytes.push_back(static_cast<char>(static_cast<uint32_t>(word) >> (8 * k)));
  return bytes;
}

std::string weights_text(const MemoryImage& image) {
  const auto beat = static_cast<size_t>(image.beat_bytes);
  DELTAHOP_CHECK(image.weights.size() % beat == 0);
  std::string text;
  for (size_t begin = 0; begin < image.weights.size(); begin += beat) {
    std::string decimals;
    for (size_t k = beat; k-- > 0;) {
      const int8_t weight = image.weights[begin + k];
      text += fmt::format("{:02X}", static_cast<uint8_t>(weight));
      decimals += fmt::format(" {},", weight);
    }
    text += " //" + decimals + "\n";
  }
  return text;
}

std::string configuration_text(const MemoryImage& image) {
  std::string text;
  for (const int32_t word : image.configuration) {
    if (word < -32768 || word > 65535)
      throw Error(
          "configuration words",
          fmt::format("{} does not fit the 16 bits of a test bench's line", static_cast<uint32_t>(word)),
          "use a weights_address below 64 KiB, or the binary file");
    text += fmt::format("{:04X} // {},\n", static_cast<uint16_t>(word), word);
  }
  return text;
}

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) plain += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (plain.empty() || std::isdigit(static_cast<unsigned char>(plain[0])) != 0) plain.insert(0, "net_");
  return plain;
}

std::string c_header(const MemoryImage& image, std::string_view name) {
  const std::string plain = plain_name(name);
  std::string upper = plain;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::vector<int32_t>& words = image.configuration;
  std::string text = fmt::format(
      "/* Weights and configuration of an EdgeDRNN, made by deltahop. */\n#ifndef EDGE_DRNN_{0}_H\n#define "
      "EDGE_DRNN_{0}_H\n\n#include <stdint.h>\n\n",
      upper);
  const auto define = [&](std::string_view what, auto value) {
    text += fmt::format("#define {}_{} {}\n", upper, what, value);
  };
  define("WEIGHTS_ADDRESS", fmt::format("0x{:08X}u", static_cast<uint32_t>(words[0])));
  define("THETA_X", words[1]);
  define("THETA_H", words[2]);
  define("LAYERS", words[3]);
  define("INPUTS", words[4]);
  for (size_t k = 0; k < static_cast<size_t>(words[3]); ++k)
    define(fmt::format("UNITS_{}", k + 1), words[kFirstUnits + k]);
  define("WEIGHT_BYTES", image.weights.size());
  text += fmt::format("\nstatic const int32_t {}_configuration[{}] = {{", plain, words.size());
  for (size_t k = 0; k < words.size(); ++k) text += fmt::format("{}{},", k % 8 == 0 ? "\n  " : " ", words[k]);
  text += fmt::format("\n}};\n\nstatic const int8_t {}_weights[{}] __attribute__((aligned(4096))) = {{",
                      plain, image.weights.size());
  for (size_t k = 0; k < image.weights.size(); ++k)
    text += fmt::format("{}{},", k % 24 == 0 ? "\n  " : " ", image.weights[k]);
  return text + "\n};\n\n#endif\n";
}

std::vector<int8_t> weights_from_text(std::string_view text, int64_t beat_bytes, std::string_view place) {
  std::vector<int8_t> weights;
  for_each_hex_line(text, static_cast<size_t>(2 * beat_bytes), place, [&](std::string_view line) {
    for (size_t end = line.size(); end > 0; end -= 2)
      weights.push_back(static_cast<int8_t>(hex_digit(line[end - 2]) * 16 + hex_digit(line[end - 1])));
  });
  return weights;
}

std::vector<int32_t> configuration_from_text(std::string_view text, std::string_view place) {
  std::vector<int32_t> words;
  for_each_hex_line(text, 4, place, [&](std::string_view line) {
    int32_t word = 0;
    for (const char c : line) word = word * 16 + hex_digit(c);
    words.push_back(word);
  });
  return words;
}

MemoryImage image_from_binary(std::string_view weights, std::string_view configuration, int64_t beat_bytes,
                              std::string_view place) {
  if (configuration.size() != 4 * kConfigurationWords)
    throw Error(place, fmt::format("{} bytes are not {} words of 32 bits", configuration.size(),
                                   kConfigurationWords));
  MemoryImage image;
  image.beat_bytes = beat_bytes;
  image.weights.resize(weights.size());
  if (!weights.empty()) std::memcpy(image.weights.data(), weights.data(), weights.size());
  for (size_t k = 0; k < kConfigurationWords; ++k) {
    uint32_t word = 0;
    for (size_t byte = 4; byte-- > 0;) word = word << 8 | static_cast<uint8_t>(configuration[4 * k + byte]);
    image.configuration.push_back(static_cast<int32_t>(word));
  }
  return image;
}

}  // namespace deltahop::edge_drnn
