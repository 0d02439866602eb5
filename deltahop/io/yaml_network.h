// SPDX-License-Identifier: Apache-2.0
// Networks written as YAML (docs/network_yaml.md): layers in a few words each, blocks that repeat, weights
// from a file or seeded. What comes out are ordinary ONNX operators.
//   const Network network = read_yaml_network(Config::from_file("net.yaml"), {}, "folder/of/the/file");
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "deltahop/base/config.h"
#include "deltahop/io/load.h"
#include "deltahop/io/network_plan.h"
#include "deltahop/network/network.h"

namespace deltahop {

// `folder` is where a weights file that the document names is looked for. Throws Error with file, line and
// column.
Network read_yaml_network(const Config& config, const LoadOptions& options,
                          const std::filesystem::path& folder);

// Whether such a network's numbers were drawn with this seed, for want of a file of weights.
bool has_random_weights(const Network& network, uint64_t seed);

// The document without any numbers: every fault of the document is found, nothing large is made.
NetworkPlan plan_yaml_network(const Config& config);

// A network that comes with the library; see zoo_entries(). Throws Error on an unknown name.
Network zoo_network(const std::string& name, const LoadOptions& options = {});
bool is_zoo_name(const std::string& name);

}  // namespace deltahop
