// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_attribute.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace deltahop {
namespace {

using Proto = onnx::AttributeProto;

// Files before IR version 2 do not say the type: the field that is filled does.
Proto::AttributeType type_of(const Proto& proto) {
  if (proto.has_type() && proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g() || proto.graphs_size() != 0) return Proto::GRAPH;
  if (proto.floats_size() != 0) return Proto::FLOATS;
  if (proto.ints_size() != 0) return Proto::INTS;
  if (proto.strings_size() != 0) return Proto::STRINGS;
  return Proto::UNDEFINED;
}

Attribute value_of(const Proto& proto, ExternalData& external) {
  if (proto.has_ref_attr_name() && !proto.ref_attr_name().empty()) {
    throw Error("", fmt::format("the attribute '{}' refers to a function's attribute", proto.name()),
                "functions come with a later version");
  }
  switch (type_of(proto)) {
    case Proto::FLOAT:
      return proto.f();
    case Proto::INT:
      return static_cast<int64_t>(proto.i());
    case Proto::STRING:
      return proto.s();
    case Proto::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case Proto::INTS:
      return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
    case Proto::STRINGS:
      return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
    case Proto::TENSOR:
      try {
        return tensor_of(proto.t(), std::nullopt, external);
      } catch (const Error& error) {
        throw Error(fmt::format("attribute '{}'", proto.name()), error.what());
      }
    case Proto::GRAPH:
    case Proto::GRAPHS:
      throw Error("", fmt::format("its sub-graph '{}' is not supported", proto.name()),
                  "of control flow only If is");
    default:
      throw Error(
          "", fmt::format("the attribute '{}' is empty or of a type that is not supported", proto.name()));
  }
}

}  // namespace

Attributes attributes_of(const onnx::NodeProto& node, ExternalData& external) {
  Attributes attributes;
  for (const Proto& proto : node.attribute()) {
    if (attributes.has(proto.name()))
      throw Error("", fmt::format("the attribute '{}' comes twice", proto.name()));
    attributes.set(proto.name(), value_of(proto, external));
  }
  return attributes;
}

void write_tensor_header(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto) {
  for (const int64_t dimension : tensor.shape()) proto.add_dims(dimension);
  proto.set_data_type(onnx_number_of(tensor.type()));
  if (!name.empty()) proto.set_name(name);
}

namespace {

struct WriteValue {
  Proto& proto;
  void operator()(int64_t value) const {
    proto.set_type(Proto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(Proto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(Proto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(Proto::INTS);
    for (const int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(Proto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(Proto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const Tensor& tensor) const {
    proto.set_type(Proto::TENSOR);
    write_tensor_header(tensor, "", *proto.mutable_t());
    const auto bytes = tensor.bytes();
    proto.mutable_t()->set_raw_data(bytes.data(), bytes.size());
  }
};

}  // namespace

void write_attribute(const std::string& name, const Attribute& value, onnx::AttributeProto& proto) {
  proto.set_name(name);
  std::visit(WriteValue{proto}, value);
}

}  // namespace deltahop
