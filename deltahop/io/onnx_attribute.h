// SPDX-License-Identifier: Apache-2.0
// AttributeProto to Attribute and back. For the files of io/onnx only.
#pragma once

#include <string>

#include "deltahop/io/onnx_tensor.h"
#include "deltahop/network/attributes.h"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

namespace deltahop {

// All attributes of a node. Throws Error (no place) on doubled names, sub-graphs and types that deltahop has
// not.
Attributes attributes_of(const onnx::NodeProto& node, ExternalData& external);

void write_attribute(const std::string& name, const Attribute& value, onnx::AttributeProto& proto);
// Everything but the elements: type, shape and name.
void write_tensor_header(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto);

}  // namespace deltahop
