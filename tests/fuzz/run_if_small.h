// SPDX-License-Identifier: Apache-2.0
// For fuzzers: binds a network, and runs it where that is little work.
#pragma once

#include <vector>

#include "deltahop/run/executor.h"

namespace deltahop {

inline double work_of(const Network& network, double most) {
  double work = 0;
  for (const Value& value : network.values())
    work += value.shape ? static_cast<double>(element_count(*value.shape)) : most;
  for (const Node& node : network.nodes()) {
    const auto infos = network.input_infos(node);
    if (const auto workload = node.layer->workload(infos)) work += static_cast<double>(workload->macs());
    // Windows: kernel_shape is not bounded by the sizes of the values.
    const Attributes attributes = node.layer->attributes();
    for (const int64_t size : attributes.integers("kernel_shape")) work *= static_cast<double>(size);
  }
  return work;
}

inline void run_if_small(const Network& network) {
  constexpr double kMostWork = 1 << 22;  // elements and MACs
  std::vector<Shape> shapes;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    for (int64_t& dimension : shape) dimension = dimension == kSymbolic ? 2 : dimension;
    shapes.push_back(shape);
  }
  const Network bound = network.bound(shapes);
  if (work_of(bound, kMostWork) > kMostWork) return;
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    Tensor input = Tensor::zeros(bound.value(bound.inputs()[i].value).type, shapes[i]);
    if (input.type() == DataType::float32) {
      float value = -2;
      for (float& element : input.values<float>()) element = value += 0.75f;
    }
    inputs.push_back(std::move(input));
  }
  execute(bound, inputs, {});
}

}  // namespace deltahop
