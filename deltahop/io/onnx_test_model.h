// SPDX-License-Identifier: Apache-2.0
// Small ONNX files written field by field in protobuf's wire format, for tests: broken and old files as well,
// which no protobuf class would write. Numbers of fields are those of onnx.proto.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop::test_onnx {

inline std::string varint(uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  text.push_back(static_cast<char>(value));
  return text;
}
inline std::string number(uint32_t field, int64_t value) {
  return varint(field << 3) + varint(static_cast<uint64_t>(value));
}
inline std::string text(uint32_t field, std::string_view bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// TensorProto, its data still to be appended: raw(...) or a typed field.
inline std::string tensor(std::string_view name, int type, const std::vector<int64_t>& shape) {
  std::string proto;
  for (const int64_t dimension : shape) proto += number(1, dimension);
  return proto + number(2, type) + text(8, name);
}
inline std::string raw(std::string_view bytes) { return text(9, bytes); }
inline std::string external(std::string_view location, const std::string& offset = "",
                            const std::string& length = "") {
  std::string proto = text(13, text(1, "location") + text(2, location));
  if (!offset.empty()) proto += text(13, text(1, "offset") + text(2, offset));
  if (!length.empty()) proto += text(13, text(1, "length") + text(2, length));
  return proto + number(14, 1);
}

// A dimension is a number, or a name where the string is no number.
inline std::string value_info(std::string_view name, int type, const std::vector<std::string>& dimensions) {
  std::string shape;
  for (const std::string& dimension : dimensions) {
    const bool is_number =
        !dimension.empty() && dimension.find_first_not_of("0123456789") == std::string::npos;
    shape += text(1, is_number           ? number(1, std::stoll(dimension))
                     : dimension.empty() ? ""
                                         : text(2, dimension));
  }
  return text(1, name) + text(2, text(1, number(1, type) + text(2, shape)));
}
inline std::string node(std::string_view operator_name, std::string_view name,
                        const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        std::string_view more = {}) {
  std::string proto;
  for (const std::string& input : inputs) proto += text(1, input);
  for (const std::string& output : outputs) proto += text(2, output);
  return proto + text(3, name) + text(4, operator_name) + std::string(more);
}

inline std::string in_graph_node(const std::string& proto) { return text(1, proto); }
inline std::string in_graph_initializer(const std::string& proto) { return text(5, proto); }
inline std::string in_graph_input(const std::string& proto) { return text(11, proto); }
inline std::string in_graph_output(const std::string& proto) { return text(12, proto); }
inline std::string opset(int64_t version, std::string_view domain = "") {
  return text(8, text(1, domain) + number(2, version));
}
inline std::string model(std::string_view graph, std::string_view more) {
  return number(1, 8) + text(7, graph) + std::string(more);
}

// x -> Relu -> y, with x of these dimensions.
inline std::string relu_graph(const std::vector<std::string>& dimensions = {"1", "4"}) {
  return in_graph_node(node("Relu", "r", {"x"}, {"y"})) + in_graph_input(value_info("x", 1, dimensions)) +
         in_graph_output(value_info("y", 1, {}));
}

}  // namespace deltahop::test_onnx
