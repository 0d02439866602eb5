// SPDX-License-Identifier: Apache-2.0
// What the board is loaded with: the weights as they lie in DRAM and the configuration words, as bytes, as
// hexadecimal text for a test bench, and as a C header. Everything that is written can be read back.
//   const MemoryImage image = make_image(chip, layers);
//   write_file("weights.hex", weights_text(image));
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/accelerators/edge_drnn/edge_drnn_config.h"

namespace deltahop::edge_drnn {

using Layers = std::vector<std::shared_ptr<const IntegerDeltaGruLayer>>;

inline constexpr size_t kConfigurationWords = 32;

struct MemoryImage {
  // Layer after layer: the bias column, the inputs' columns, the units' columns; a column is 3H bytes, r u c.
  std::vector<int8_t> weights;
  // 0: address, 1: theta_x, 2: theta_h, 3: layers, 4: inputs (padded), 5...: units of each layer (padded).
  std::vector<int32_t> configuration;
  int64_t beat_bytes = 8;  // of one transfer: the lowest row in the lowest byte

  friend bool operator==(const MemoryImage&, const MemoryImage&) = default;
};

// Throws Error where the layers do not fit the chip (support_of_stack).
MemoryImage make_image(const EdgeDrnnConfig& chip, const Layers& layers);
// The layers that the image holds; padded units and inputs stay. Throws Error where words and bytes do not
// fit each other or the chip.
Layers layers_of(const MemoryImage& image, const EdgeDrnnConfig& chip);

// Little-endian bytes: weights as they are, words of 32 bits.
std::string weights_binary(const MemoryImage& image);
std::string configuration_binary(const MemoryImage& image);
// One beat a line, highest row first, and a word of 16 bits a line, both with the decimals as a comment: the
// form of the authors' test bench. Throws Error for words beyond 16 bits.
std::string weights_text(const MemoryImage& image);
std::string configuration_text(const MemoryImage& image);
// "my-net" as C takes it: "my_net".
std::string plain_name(std::string_view name);
// A C header: `name` in its guards and names, an array of weights aligned to a page, the words as macros.
std::string c_header(const MemoryImage& image, std::string_view name);

// The inverses. Throw Error, `place` in front, on anything else than what is written above.
std::vector<int8_t> weights_from_text(std::string_view text, int64_t beat_bytes, std::string_view place);
std::vector<int32_t> configuration_from_text(std::string_view text, std::string_view place);
MemoryImage image_from_binary(std::string_view weights, std::string_view configuration, int64_t beat_bytes,
                              std::string_view place);

}  // namespace deltahop::edge_drnn
