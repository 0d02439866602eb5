// SPDX-License-Identifier: Apache-2.0
// For the tests of the GraphDef reader: faults of bytes, and the outputs of small networks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def.h"

namespace deltahop::test_graph_def {

inline std::string fault_of(const std::string& bytes) {
  try {
    parse_graph_def(bytes, "net.pb");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Runs a network of nodes in their order.
inline std::vector<Tensor> run(const Network& network, const Tensor& input) {
  std::map<ValueId, Tensor> values;
  values[network.inputs().at(0).value] = input;
  for (const Node& node : network.nodes()) {
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs) {
      const Tensor* constant = id == kNoValue ? nullptr : network.value(id).constant.get();
      inputs.push_back(id == kNoValue ? nullptr : constant != nullptr ? constant : &values.at(id));
    }
    std::vector<Tensor> outputs = node.layer->forward(inputs, {});
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) values[node.outputs[i]] = std::move(outputs.at(i));
    }
  }
  std::vector<Tensor> results;
  for (const ValueId id : network.outputs()) results.push_back(values.at(id));
  return results;
}

inline std::vector<float> floats_in(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

inline std::vector<std::string> operators_of(const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes()) names.emplace_back(node.layer->operator_name());
  return names;
}

}  // namespace deltahop::test_graph_def
