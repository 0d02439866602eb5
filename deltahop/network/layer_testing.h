// SPDX-License-Identifier: Apache-2.0
// For tests of layers: makes one by its operator's name and runs it on tensors.
//   const Tensor y = run_layer("Conv", {{"pads", std::vector<int64_t>{1, 1, 1, 1}}}, {&x, &w})[0];
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {

inline std::unique_ptr<Layer> made_layer(const std::string& operator_name, Attributes attributes,
                                         size_t inputs, int outputs = 1, int opset = 17) {
  LayerArguments arguments;
  arguments.opset = opset;
  arguments.operator_name = operator_name;
  arguments.attributes = std::move(attributes);
  arguments.inputs.resize(inputs);
  arguments.output_count = outputs;
  return make_layer(arguments);
}

inline std::vector<Tensor> run_layer(const std::string& operator_name, Attributes attributes,
                                     const std::vector<const Tensor*>& inputs, int outputs = 1,
                                     int opset = 17) {
  const auto layer = made_layer(operator_name, std::move(attributes), inputs.size(), outputs, opset);
  const auto infos = layer->infer(infos_of(inputs));
  std::vector<Tensor> results = layer->forward(inputs, {.threads = 2});
  // What infer() promised must be what forward() gives.
  DELTAHOP_CHECK(infos.size() >= results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    DELTAHOP_CHECK(infos[i].type == results[i].type());
    DELTAHOP_CHECK(!infos[i].shape || *infos[i].shape == results[i].shape());
  }
  return results;
}

inline Tensor random_tensor(Random& random, Shape shape) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

template <class T>
Tensor random_codes(Random& random, Shape shape, int64_t low, int64_t high) {
  Tensor tensor(data_type_of<T>(), std::move(shape));
  for (T& value : tensor.values<T>()) value = static_cast<T>(random.integer(low, high));
  return tensor;
}

template <class T>
std::vector<T> list_of(const Tensor& tensor) {
  return {tensor.values<T>().begin(), tensor.values<T>().end()};
}

using Integers = std::vector<int64_t>;

}  // namespace deltahop
