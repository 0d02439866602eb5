// SPDX-License-Identifier: Apache-2.0
// A TensorFlow GraphDef as it lies in the file: nodes with their operator, the outputs of other nodes that
// they read, and attributes, decoded when asked for. Numbers of fields: graph.proto, node_def.proto,
// attr_value.proto, tensor.proto and tensor_shape.proto of TensorFlow. For the files of io/graph_def only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/io/protobuf_wire.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop::graph_def {

constexpr const char* kFormat = "TensorFlow GraphDef";  // in messages

// Output `output` of node number `node`.
struct Ref {
  int32_t node = -1;
  int32_t output = 0;
  bool operator==(const Ref&) const = default;
  auto operator<=>(const Ref&) const = default;
};

// What constants may ask for beyond the bytes that they bring: a few bytes of file can name any shape.
class Allowance {
 public:
  explicit Allowance(size_t file_bytes) : bytes_left_((uint64_t{1} << 26) + 16 * uint64_t{file_bytes}) {}
  // Throws Error where the elements are more than is left.
  void take(DataType type, const Shape& shape);

 private:
  uint64_t bytes_left_;
};

// The type of that number in types.proto; references (100 more) included. Throws Error naming it where
// deltahop has none.
DataType data_type_of_tensorflow(int64_t number);
constexpr int64_t kStringType = 7;

// A TensorShapeProto: -1 where a dimension is open, nothing where the rank is not known. Throws Error.
std::optional<Shape> parse_shape(std::string_view bytes);
// A TensorProto. Throws Error (no place).
Tensor parse_tensor(std::string_view bytes, Allowance& allowance);

class NodeDef {
 public:
  std::string_view name, op;
  std::vector<Ref> inputs;  // data only: what merely orders nodes is left out

  std::string place() const;  // "node 'conv1' (Conv2D)"
  // The value, or the default where absent; throws Error (no place) where it is of another type.
  int64_t integer(std::string_view key, int64_t fallback) const;
  int64_t type(std::string_view key, int64_t fallback) const;
  double number(std::string_view key, double fallback) const;
  bool flag(std::string_view key, bool fallback) const;
  std::string_view text(std::string_view key, std::string_view fallback) const;
  std::vector<int64_t> integers(std::string_view key) const;
  // Dimensions, -1 where open; nothing where the attribute is absent or says that the rank is not known.
  std::optional<Shape> shape(std::string_view key) const;
  Tensor tensor(std::string_view key, Allowance& allowance) const;

 private:
  friend class File;
  std::optional<protobuf_wire::Field> value(std::string_view key, uint32_t field) const;
  std::map<std::string_view, std::string_view> attributes_;  // AttrValue messages
};

class File {
 public:
  // `bytes` must outlive the file. Throws Error (no place).
  explicit File(std::string_view bytes);

  const std::vector<NodeDef>& nodes() const { return nodes_; }
  const NodeDef& node(Ref ref) const { return nodes_[static_cast<size_t>(ref.node)]; }
  // The input at `index`. Throws Error (the node as place) where the node has fewer.
  Ref input(Ref ref, size_t index) const;
  // True where `ref` is the (first) output of such an operator.
  bool is(Ref ref, std::string_view op) const { return node(ref).op == op; }
  std::string name_of(Ref ref) const;  // "split:1"; of the first output the node's name

 private:
  void read_node(std::string_view bytes, std::vector<std::string_view>& input_names);
  Ref resolved(const NodeDef& node, std::string_view input) const;
  std::vector<NodeDef> nodes_;
  std::map<std::string_view, int32_t> by_name_;
};

// True where the bytes begin as a GraphDef does (its first field holds nodes) and not as an ONNX model (whose
// first field is a number).
bool looks_like_graph_def(std::string_view bytes);

}  // namespace deltahop::graph_def
