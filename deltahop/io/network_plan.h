// SPDX-License-Identifier: Apache-2.0
// A network on its way from described layers to operators: shapes are known, parameters have names and shapes
// but no numbers yet. So a weights file can be held against all of them at once, and nothing large exists
// before it is asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/io/layer_description.h"
#include "deltahop/network/network.h"

namespace deltahop {

enum class ParameterRole { weight, bias, scale, mean, variance };

struct Parameter {
  std::string name;  // "conv1.weight"
  Shape shape;       // [K, C, R, S], [out, in], [C]
  ParameterRole role = ParameterRole::weight;
  int64_t fan_in = 1;  // inputs of one output: for random weights
};

// Makes the tensor (float32) of a parameter.
using ParameterMaker = std::function<Tensor(const Parameter&)>;

class NetworkPlan {
 public:
  // `shape` may begin with kSymbolic, steps in time, called `time_name`. Throws Error with the layer's place
  // where shapes do not fit.
  NetworkPlan(std::string name, const std::string& input, const Shape& shape, const std::string& time_name,
              const std::vector<LayerDescription>& layers, const std::vector<std::string>& outputs);

  std::vector<Parameter> parameters() const;  // in network order
  NetworkBuilder builder(const ParameterMaker& maker) const;

 private:
  using Id = size_t;
  struct PlannedValue {
    std::string name;
    DataType type = DataType::float32;
    Shape shape;
    std::shared_ptr<const Tensor> constant;
    bool is_parameter = false;
    Parameter parameter;
  };
  struct PlannedNode {
    std::string name;
    std::shared_ptr<const Layer> layer;
    std::vector<Id> inputs;
    Id output = 0;
    size_t output_index = 0;  // which of the operator's outputs it is; those before it nobody wants
  };

  Id add_value(PlannedValue value);
  Id parameter(const std::string& name, Shape shape, ParameterRole role, int64_t fan_in = 1);
  Id constant(const std::string& name, Tensor tensor);
  Id node(const std::string& operator_name, const std::string& name, std::vector<Id> inputs,
          Attributes attributes = {}, size_t output_index = 0);
  const Shape& shape(Id id) const { return values_[id].shape; }
  int64_t channels(Id id) const;

  Id add_layer(const LayerDescription& layer, std::vector<Id> inputs);
  Id add_convolution(const LayerDescription& layer, Id input);
  Id add_fully_connected(const LayerDescription& layer, Id input);
  Id add_gru(const LayerDescription& layer, Id input);
  Id add_pooling(const LayerDescription& layer, Id input);
  Id add_batch_norm(const LayerDescription& layer, const std::string& name, Id input);
  Id add_activation(const std::string& activation, const std::string& name, Id input);
  Id add_tail(const LayerDescription& layer, Id sums);
  Id add_scale_shift(const LayerDescription& layer, Id input);
  Id add_shape_change(const LayerDescription& layer, Id input);

  std::string name_;
  std::string time_name_;  // of the input's first dimension where it is open; it is planned as 1
  std::string place_;      // of the layer that is being added
  std::vector<PlannedValue> values_;
  std::vector<PlannedNode> nodes_;
  std::vector<Id> outputs_;
  std::map<std::string, Id> names_;
};

}  // namespace deltahop
