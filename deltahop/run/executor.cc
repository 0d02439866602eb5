// SPDX-License-Identifier: Apache-2.0
// The float executor: the plain meaning of the graph, node by node.
#include "deltahop/run/executor.h"

#include <fmt/format.h>

#include "deltahop/run/value_store.h"

namespace deltahop {
namespace {

std::vector<Tensor> run_node(const Node& node, const ValueStore& values, const RunOptions& options) {
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(values.get(id));
  try {
    ForwardOptions forward_options;
    forward_options.threads = options.threads;
    return node.layer->forward(inputs, forward_options);
  } catch (const Error& error) {
    throw Error(place_of(node), error.what());
  }
}

}  // namespace

std::vector<Tensor> execute(const Network& network, const std::vector<Tensor>& inputs,
                            const RunOptions& options, const NodeListener& listener) {
  check_inputs(network, inputs);
  ValueStore values(network);
  for (size_t i = 0; i < inputs.size(); ++i) values.lend(network.inputs()[i].value, inputs[i]);
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node)) {
      values.release(node);
      continue;
    }
    std::vector<Tensor> results = run_node(node, values, options);
    DELTAHOP_CHECK(results.size() >= node.outputs.size());
    std::vector<const Tensor*> outputs(node.outputs.size(), nullptr);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      // A constant output of a node that also makes others is known already.
      if (id == kNoValue) continue;
      if (network.value(id).constant == nullptr) values.put(id, std::move(results[i]));
      outputs[i] = values.get(id);
    }
    if (listener) listener(node, outputs);
    values.release(node);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : network.outputs()) outputs.push_back(values.take(id));
  return outputs;
}

}  // namespace deltahop
