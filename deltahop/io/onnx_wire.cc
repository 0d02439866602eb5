// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_wire.h"

namespace deltahop::onnx_wire {

protobuf_wire::Split split_model(std::string_view bytes) {
  protobuf_wire::Split model;
  protobuf_wire::FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (field->number != kModelGraph || !field->has_payload()) {
      model.rest.append(field->encoded);
      continue;
    }
    const protobuf_wire::Split graph =
        protobuf_wire::split_message(field->payload, kGraphInitializer, kFormat);
    model.rest.append(protobuf_wire::length_prefix(kModelGraph, graph.rest.size())).append(graph.rest);
    model.parts.insert(model.parts.end(), graph.parts.begin(), graph.parts.end());
  }
  return model;
}

}  // namespace deltahop::onnx_wire
