// SPDX-License-Identifier: Apache-2.0
// ONNX files to networks and back. Opsets 1 to 25 are read, 17 is written. load_network() and save_onnx() in
// io/load.h are the usual doors; this one is for bytes that are in memory already, and for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "deltahop/network/network.h"

namespace deltahop {

constexpr int kNewestReadOpset = 25;
constexpr int kWrittenOpset = 17;

// Throws Error, the path in front.
Network read_onnx(const std::filesystem::path& path);

// name: for messages. folder: where external data may lie; with an empty one, external data is refused.
// Throws Error.
Network parse_onnx(std::string_view bytes, const std::string& name, const std::filesystem::path& folder);

// One serialised TensorProto, as in the `.pb` files of ONNX's own tests. Throws Error.
Tensor parse_tensor_proto(std::string_view bytes, const std::string& name);

struct OnnxWriteOptions {
  // A file that would be larger keeps its initialisers in "<file>.data" beside it: protobuf ends at 2 GiB.
  uint64_t largest_file = (uint64_t{1} << 31) - (uint64_t{1} << 20);
};
// Throws Error where the file cannot be written or a layer has no form in opset 17; then no file is left
// behind.
void write_onnx(const Network& network, const std::filesystem::path& path,
                const OnnxWriteOptions& options = {});

}  // namespace deltahop
