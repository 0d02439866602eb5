// SPDX-License-Identifier: Apache-2.0
// Any text as an architecture of the mapper, and as mappings: what can be read is counted.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/mapping/map_network.h"

namespace {

using namespace deltahop;

void read_as_architecture(std::string_view text) {
  try {
    const Config config = Config::from_text(text, "fuzz");
    read_array_chip(config, "fuzz");
    config.finish();
  } catch (const Error&) {
  }
}

void read_as_mappings(std::string_view text) {
  static const ArrayChip chip = load_array_chip("rs", {"buffer.may_bypass=[weights, inputs, outputs]"});
  try {
    const Config config = Config::from_text(text, "fuzz");
    const MappingFile file = read_mappings(config);
    config.finish();
    std::vector<LayerToMap> layers;
    for (const NamedMapping& named : file.mappings)
      layers.push_back({named.layer, "", {{2, 1, 8, 4, 13, 13, 3, 3}, 2, 1, 1, 1}, 1, true});
    map_layers(layers, {chip}, {.given = &file}, {});
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_as_architecture(text);
  read_as_mappings(text);
  return 0;
}
