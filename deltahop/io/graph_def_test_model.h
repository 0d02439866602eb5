// SPDX-License-Identifier: Apache-2.0
// Small GraphDef files written field by field in protobuf's wire format, for tests: broken ones as well.
// Numbers of fields are those of TensorFlow's graph.proto, node_def.proto, attr_value.proto and tensor.proto.
#pragma once

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/io/onnx_test_model.h"

namespace deltahop::test_graph_def {

using test_onnx::bytes_of;
using test_onnx::number;
using test_onnx::text;

constexpr int kFloat = 1, kInt32 = 3, kString = 7;

inline std::string shape(const std::vector<int64_t>& dimensions) {
  std::string proto;
  for (const int64_t size : dimensions) proto += text(2, number(1, size));
  return proto;
}
// One entry of the map of attributes; the value is an AttrValue.
inline std::string attribute(std::string_view key, std::string_view value) {
  return text(5, text(1, key) + text(2, value));
}
inline std::string attribute(std::string_view key, int64_t value) { return attribute(key, number(3, value)); }
inline std::string real(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(bits >> shift & 0xff));
  return bytes;
}
inline std::string attribute_real(std::string_view key, float value) {
  return attribute(key, std::string{"\x25"} + real(value));
}
inline std::string attribute_text(std::string_view key, std::string_view value) {
  return attribute(key, text(2, value));
}
inline std::string attribute_flag(std::string_view key, bool value) {
  return attribute(key, number(5, value ? 1 : 0));
}
inline std::string attribute_list(std::string_view key, const std::vector<int64_t>& values) {
  std::string list;
  for (const int64_t value : values) list += number(3, value);
  return attribute(key, text(1, list));
}

inline std::string node(std::string_view op, std::string_view name,
                        const std::vector<std::string>& inputs = {}, std::string_view attributes = {}) {
  std::string proto = text(1, name) + text(2, op);
  for (const std::string& input : inputs) proto += text(3, input);
  return text(1, proto + std::string(attributes));
}
// value: the typed field or the content of a TensorProto.
inline std::string constant(std::string_view name, int type, const std::vector<int64_t>& dimensions,
                            std::string_view value) {
  return node(
      "Const", name, {},
      attribute("dtype", number(6, type)) +
          attribute("value", text(8, number(1, type) + text(2, shape(dimensions)) + std::string(value))));
}
inline std::string floats(std::string_view name, const std::vector<int64_t>& dimensions,
                          const std::vector<float>& values) {
  return constant(name, kFloat, dimensions, text(4, bytes_of(values)));
}
inline std::string integers(std::string_view name, const std::vector<int32_t>& values) {
  return constant(name, kInt32, {static_cast<int64_t>(values.size())}, text(4, bytes_of(values)));
}
inline std::string integer(std::string_view name, int32_t value) {
  return constant(name, kInt32, {}, number(7, value));
}
inline std::string placeholder(std::string_view name, const std::vector<int64_t>& dimensions) {
  return node("Placeholder", name, {},
              attribute("dtype", number(6, kFloat)) + attribute("shape", text(7, shape(dimensions))));
}

// dynamic_rnn's loop around the body of a cell, for a sequence "x" of `steps` steps: what the body reads is
// "read" and "state0", "state1", ...; what it makes is named by `next`, one a state. Gives "exit0", ... and,
// for the first state, "every".
inline std::string loop(int steps, const std::vector<std::string>& initial,
                        const std::vector<std::string>& next, std::string_view body) {
  const std::string frame = attribute_text("frame_name", "loop");
  std::string proto = integer("zero", 0) + integer("one", 1) + integer("steps", steps) +
                      node("Range", "order", {"zero", "steps", "one"}) +
                      node("TensorArrayV3", "array", {"steps"}) +
                      node("TensorArrayScatterV3", "scatter", {"array", "order", "x", "array:1"}) +
                      node("TensorArrayV3", "results", {"steps"});
  const auto carried = [&](const std::string& name, const std::string& from, const std::string& to) {
    return node("Enter", name + "/enter", {from}, frame) +
           node("Merge", name + "/merge", {name + "/enter", name + "/next"}) +
           node("Switch", name + "/switch", {name + "/merge", "condition"}) +
           node("Identity", name, {name + "/switch:1"}) + node("NextIteration", name + "/next", {to});
  };
  proto += carried("time", "zero", "time/add") + node("Add", "time/add", {"time", "one"}) +
           node("Enter", "limit", {"steps"}, frame) + node("Less", "less", {"time/merge", "limit"}) +
           node("LoopCond", "condition", {"less"}) + node("Enter", "array/enter", {"array"}, frame) +
           node("Enter", "scatter/enter", {"scatter"}, frame) +
           node("TensorArrayReadV3", "read", {"array/enter", "time", "scatter/enter"}) + std::string(body);
  for (size_t i = 0; i < next.size(); ++i) {
    const std::string name = "state" + std::to_string(i);
    proto +=
        carried(name, initial[i], next[i]) + node("Exit", "exit" + std::to_string(i), {name + "/switch"});
  }
  proto += carried("flow", "results:1", "write") + node("Enter", "results/enter", {"results"}, frame) +
           node("TensorArrayWriteV3", "write", {"results/enter", "time", next[0], "flow"}) +
           node("Exit", "flow/exit", {"flow/switch"}) +
           node("TensorArraySizeV3", "size", {"results", "flow/exit"}) +
           node("Range", "all", {"zero", "size", "one"}) +
           node("TensorArrayGatherV3", "every", {"results", "all", "flow/exit"});
  return proto;
}

// GRUCell over "read" and "state<n>" (or another input), weights "<name>/gates/kernel" etc. to be given;
// makes
// "<name>/new".
inline std::string gru_cell(const std::string& name, const std::string& input, const std::string& state) {
  const auto local = [&](const std::string& part) { return name + "/" + part; };
  return node("ConcatV2", local("xh"), {input, state, "one"}) +
         node("MatMul", local("product"), {local("xh"), local("gates/kernel")}) +
         node("BiasAdd", local("sum"), {local("product"), local("gates/bias")}) +
         node("Sigmoid", local("sigmoid"), {local("sum")}) +
         node("Split", local("split"), {"one", local("sigmoid")}, attribute("num_split", 2)) +
         node("Mul", local("rh"), {local("split"), state}) +
         node("ConcatV2", local("xrh"), {input, local("rh"), "one"}) +
         node("MatMul", local("product_1"), {local("xrh"), local("candidate/kernel")}) +
         node("BiasAdd", local("sum_1"), {local("product_1"), local("candidate/bias")}) +
         node("Tanh", local("tanh"), {local("sum_1")}) + floats(local("unit"), {}, {1}) +
         node("Mul", local("kept"), {local("split:1"), state}) +
         node("Sub", local("rest"), {local("unit"), local("split:1")}) +
         node("Mul", local("added"), {local("rest"), local("tanh")}) +
         node("Add", local("new"), {local("kept"), local("added")});
}

}  // namespace deltahop::test_graph_def
