// SPDX-License-Identifier: Apache-2.0
// One door for every network: an ONNX file, a frozen TensorFlow graph, a YAML network, or the name of a zoo
// entry
// ("vgg16").
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct ZooEntry {
  std::string name;
  std::string summary;
  std::string citation;
};
std::vector<ZooEntry> zoo_entries();

struct LoadOptions {
  uint64_t seed = 1;    // for weights that a YAML network does not bring
  std::string weights;  // a weights file that overrides the one a YAML network names; "" for none
};

// Throws Error. Symbolic dimensions stay open: see Network::bound.
Network load_network(const std::string& path_or_name, const LoadOptions& options = {});
// What `network` asks for as input: symbolic dimensions from `sizes` by name, a symbolic first one (the
// batch) else as 1. Throws Error naming a dimension that stays open.
std::vector<Shape> input_shapes(const Network& network, const std::map<std::string, int64_t>& sizes = {});

// Writes ONNX, opset 17, IR 8. Throws Error where a layer has no form in opset 17.
void save_onnx(const Network& network, const std::filesystem::path& path);

}  // namespace deltahop
