// SPDX-License-Identifier: Apache-2.0
// The second noun: a graph of layers over named values, in topological order, its shapes checked once;
// immutable.
//   NetworkBuilder builder("tiny");
//   const ValueId x = builder.input("x", DataType::float32, {1, 3, 32, 32});
//   const ValueId w = builder.constant("w", weights);
//   builder.output(builder.node("Conv", "conv1", {x, w}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})[0]);
//   const Network network = builder.build();
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/network/layer.h"

namespace deltahop {

using ValueId = int32_t;
constexpr ValueId kNoValue = -1;   // an optional input that is absent
constexpr int64_t kSymbolic = -1;  // a dimension that the input decides

struct Value {
  std::string name;
  DataType type = DataType::float32;
  std::optional<Shape> shape;
  std::shared_ptr<const Tensor> constant;
};

struct Node {
  std::string name;
  std::shared_ptr<const Layer> layer;
  std::vector<ValueId> inputs;   // kNoValue for absent optional inputs
  std::vector<ValueId> outputs;  // kNoValue for outputs that nobody wants
};

struct NetworkInput {
  ValueId value = kNoValue;
  Shape declared;                            // kSymbolic where the file leaves the dimension open
  std::vector<std::string> dimension_names;  // "" where the file gives a number
};

class Network {
 public:
  const std::string& name() const { return name_; }
  const std::vector<Value>& values() const { return values_; }
  const Value& value(ValueId id) const { return values_.at(static_cast<size_t>(id)); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<NetworkInput>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  // Free text that travels with the model (ONNX metadata_props): number formats, thresholds, origin.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  ValueId find_value(std::string_view name) const;  // kNoValue where there is none
  // True where every output was computed at load time (shape arithmetic, weights kept in another type):
  // nothing to run.
  bool is_constant(const Node& node) const;
  // How many nodes read each value; a network output counts as one reader.
  std::vector<int> reader_counts() const;
  // What is known of a node's inputs, for Layer::infer and Layer::workload.
  std::vector<std::optional<ValueInfo>> input_infos(const Node& node) const;

  // The same network for inputs of these shapes (one per input, in order): symbolic dimensions are bound and
  // every shape is inferred again. Where branches are taken for these shapes, they are declared from now on:
  // the network fits no others. Throws Error where a shape contradicts a declared number or a layer.
  Network bound(const std::vector<Shape>& shapes) const;
  // The same network with this entry of its metadata; an empty text takes the entry away.
  Network with_metadata(const std::string& key, const std::string& text) const;

 private:
  friend class NetworkBuilder;
  Network() = default;

  std::string name_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<NetworkInput> inputs_;
  std::vector<ValueId> outputs_;
  std::map<std::string, std::string> metadata_;
};

class NetworkBuilder {
 public:
  explicit NetworkBuilder(std::string name) { network_.name_ = std::move(name); }
  // Starts from an existing network's values, inputs and metadata but none of its nodes and outputs: for
  // passes that rewrite a graph. Value ids stay as they are.
  static NetworkBuilder from_values_of(const Network& network);

  ValueId input(std::string name, DataType type, Shape shape, std::vector<std::string> dimension_names = {});
  ValueId constant(std::string name, Tensor tensor);
  ValueId constant(std::string name, std::shared_ptr<const Tensor> tensor);
  // Declares a value that some node will produce: for readers that meet names before their makers.
  ValueId declare(std::string name);

  // Adds a node; an empty or missing output name gets a made-up one. Throws Error with the node's name as
  // place where the layer refuses its attributes.
  std::vector<ValueId> node(const std::string& operator_name, const std::string& name,
                            std::vector<ValueId> inputs, Attributes attributes = {}, int output_count = 1,
                            int opset = 17, std::string_view domain = "");
  // The same with given, declared outputs.
  void node_into(const std::string& operator_name, const std::string& name, std::vector<ValueId> inputs,
                 std::vector<ValueId> outputs, Attributes attributes = {}, int opset = 17,
                 std::string_view domain = "");
  // Adds a finished layer.
  void layer_into(std::shared_ptr<const Layer> layer, const std::string& name, std::vector<ValueId> inputs,
                  std::vector<ValueId> outputs);

  void output(ValueId value) { network_.outputs_.push_back(value); }
  void metadata(std::string key, std::string text) { network_.metadata_[std::move(key)] = std::move(text); }
  ValueId find(std::string_view name) const;  // kNoValue where there is none

  // Sorts the nodes, drops those that no output needs, computes what is constant, infers shapes. Throws Error
  // on a circle, a value without a maker, two makers for one value, or shapes that do not fit.
  Network build();
  // As it stands: for the branches of an If, which are built where the If stood (network/branch.h).
  Network unbuilt();

 private:
  friend class Network;
  class Build;
  ValueId add_value(Value value);
  // A Constant node is its value and nothing else, so that layers made after it find their constants.
  void give_constant(const Layer& layer, const std::string& name, const std::vector<ValueId>& inputs,
                     ValueId output);
  Network network_;
  std::map<std::string, ValueId, std::less<>> ids_;
};

}  // namespace deltahop
