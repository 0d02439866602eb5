// SPDX-License-Identifier: Apache-2.0
// The outermost levels of an ONNX file, walked by hand (protobuf_wire.h): initialisers hold nearly all bytes
// of a model, and this way they go from the file into their tensor in one copy. All else is left to the
// protobuf classes.
#pragma once

#include <cstdint>
#include <string_view>

#include "deltahop/io/protobuf_wire.h"

namespace deltahop::onnx_wire {

// Numbers of the fields that are walked by hand; onnx.proto is the source.
constexpr uint32_t kModelGraph = 7, kGraphInitializer = 5, kTensorRawData = 9;
constexpr const char* kFormat = "ONNX file";  // in messages

// A ModelProto apart from the initialisers of its graph.
protobuf_wire::Split split_model(std::string_view bytes);

}  // namespace deltahop::onnx_wire
