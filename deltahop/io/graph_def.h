// SPDX-License-Identifier: Apache-2.0
// Frozen TensorFlow graphs (GraphDef, `.pb`) to networks: matrix products, convolutions, and dynamic_rnn
// loops of GRUCell or LSTMCell as GRU and LSTM nodes. The audio operators in front of a network become
// metadata. load_network() in io/load.h is the usual door.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "deltahop/network/network.h"

namespace deltahop {

// Metadata key of what turns sound into the network's input, as signal/front_end.h reads it.
constexpr std::string_view kFrontEndKey = "front_end";

// True where the bytes begin as such a file does, and no ONNX file.
bool looks_like_graph_def(std::string_view bytes);

// Throws Error, the path in front.
Network read_graph_def(const std::filesystem::path& path);
// name: for messages. Throws Error.
Network parse_graph_def(std::string_view bytes, const std::string& name);

}  // namespace deltahop
