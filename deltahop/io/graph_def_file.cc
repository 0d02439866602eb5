// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def_file.h"

#include <charconv>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::graph_def {
namespace {

using protobuf_wire::check_text;
using protobuf_wire::Field;
using protobuf_wire::FieldReader;
using protobuf_wire::WireType;

// Numbers of fields.
enum : uint32_t { kGraphNode = 1 };
enum : uint32_t { kNodeName = 1, kNodeOp = 2, kNodeInput = 3, kNodeAttribute = 5 };
enum : uint32_t { kEntryKey = 1, kEntryValue = 2 };
enum : uint32_t {
  kList = 1,
  kText = 2,
  kInteger = 3,
  kFloat = 4,
  kFlag = 5,
  kType = 6,
  kShape = 7,
  kTensor = 8
};
enum : uint32_t { kShapeDimension = 2, kShapeUnknownRank = 3, kDimensionSize = 1 };

constexpr size_t kMostDimensions = 32;

// A repeated field of numbers, packed or one by one.
void append_integers(std::vector<int64_t>& list, const Field& field) {
  if (!field.has_payload()) {
    list.push_back(field.integer());
    return;
  }
  FieldReader packed(field.payload, kFormat);
  while (!packed.at_end()) list.push_back(static_cast<int64_t>(packed.varint()));
}

}  // namespace

std::optional<Shape> parse_shape(std::string_view bytes) {
  Shape shape;
  FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (field->number == kShapeUnknownRank && field->value != 0) return std::nullopt;
    if (field->number != kShapeDimension || !field->has_payload()) continue;
    int64_t size = 0;
    FieldReader dimension(field->payload, kFormat);
    while (const auto part = dimension.next()) {
      if (part->number == kDimensionSize) size = part->integer();
    }
    if (size < -1) throw Error("", fmt::format("a dimension is {}", size), "the file may be damaged");
    shape.push_back(size);
    if (shape.size() > kMostDimensions)
      throw Error("", "a shape has more than 32 dimensions", "the file may be damaged");
  }
  return shape;
}

void Allowance::take(DataType type, const Shape& shape) {
  const uint64_t bytes = static_cast<uint64_t>(element_count(shape)) * byte_width(type);
  if (bytes > bytes_left_) {
    throw Error("", fmt::format("a constant of the shape {} is far larger than the file", to_text(shape)),
                "the file may be damaged");
  }
  bytes_left_ -= bytes;
}

DataType data_type_of_tensorflow(int64_t number) {
  constexpr int64_t kReferences = 100;
  switch (number > kReferences ? number - kReferences : number) {
    case 1:
      return DataType::float32;
    case 2:
      return DataType::float64;
    case 3:
      return DataType::int32;
    case 4:
      return DataType::uint8;
    case 5:
      return DataType::int16;
    case 6:
      return DataType::int8;
    case 9:
      return DataType::int64;
    case 10:
      return DataType::boolean;
    case 14:
      return DataType::bfloat16;
    case 17:
      return DataType::uint16;
    case 19:
      return DataType::float16;
    case 22:
      return DataType::uint32;
    case 23:
      return DataType::uint64;
    default:
      throw Error("", fmt::format("the type {} of TensorFlow is not supported", number),
                  "numbers and booleans are; text, complex and quantised types are not");
  }
}

std::string NodeDef::place() const { return fmt::format("node '{}' ({})", name, op); }

// The last such field of the attribute, as protobuf has it.
std::optional<Field> NodeDef::value(std::string_view key, uint32_t number) const {
  const auto found = attributes_.find(key);
  if (found == attributes_.end()) return std::nullopt;
  const bool wants_payload = number == kList || number == kText || number == kShape || number == kTensor;
  std::optional<Field> result;
  FieldReader reader(found->second, kFormat);
  while (const auto field = reader.next()) {
    if (field->number != number || field->has_payload() != wants_payload)
      throw Error("", fmt::format("the attribute '{}' is of another type than expected", key));
    result = field;
  }
  // A field that holds its default may be left out of the file altogether.
  return result ? result
                : Field{number, wants_payload ? WireType::length_delimited : WireType::varint, 0, {}, {}};
}

int64_t NodeDef::integer(std::string_view key, int64_t fallback) const {
  const auto field = value(key, kInteger);
  return field ? field->integer() : fallback;
}

int64_t NodeDef::type(std::string_view key, int64_t fallback) const {
  const auto field = value(key, kType);
  return field ? field->integer() : fallback;
}

double NodeDef::number(std::string_view key, double fallback) const {
  const auto field = value(key, kFloat);
  return field ? static_cast<double>(field->float32()) : fallback;
}

bool NodeDef::flag(std::string_view key, bool fallback) const {
  const auto field = value(key, kFlag);
  return field ? field->value != 0 : fallback;
}

std::string_view NodeDef::text(std::string_view key, std::string_view fallback) const {
  const auto field = value(key, kText);
  return field ? field->payload : fallback;
}

std::vector<int64_t> NodeDef::integers(std::string_view key) const {
  std::vector<int64_t> list;
  if (const auto field = value(key, kList)) {
    FieldReader reader(field->payload, kFormat);
    while (const auto entry = reader.next()) {
      if (entry->number != kInteger)
        throw Error("", fmt::format("the attribute '{}' is no list of whole numbers", key));
      append_integers(list, *entry);
    }
  }
  return list;
}

std::optional<Shape> NodeDef::shape(std::string_view key) const {
  const auto field = value(key, kShape);
  return field ? parse_shape(field->payload) : std::nullopt;
}

Tensor NodeDef::tensor(std::string_view key, Allowance& allowance) const {
  const auto field = value(key, kTensor);
  if (!field) throw Error("", fmt::format("has no attribute '{}'", key), "the file may be damaged");
  return parse_tensor(field->payload, allowance);
}

File::File(std::string_view bytes) {
  std::vector<std::vector<std::string_view>> input_names;
  FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (field->number != kGraphNode || !field->has_payload()) continue;  // functions, versions
    read_node(field->payload, input_names.emplace_back());
  }
  if (nodes_.empty()) throw Error("", fmt::format("is cut off or no {}", kFormat), "it holds no node");
  for (size_t n = 0; n < nodes_.size(); ++n) {
    for (const std::string_view input : input_names[n]) {
      if (input.empty() || input[0] != '^') nodes_[n].inputs.push_back(resolved(nodes_[n], input));
    }
  }
}

void File::read_node(std::string_view bytes, std::vector<std::string_view>& input_names) {
  NodeDef node;
  FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (!field->has_payload()) continue;
    if (field->number == kNodeName) node.name = field->payload;
    if (field->number == kNodeOp) node.op = field->payload;
    if (field->number == kNodeInput) input_names.push_back(field->payload);
    if (field->number != kNodeAttribute) continue;
    std::string_view key, content;
    FieldReader entry(field->payload, kFormat);
    while (const auto part = entry.next()) {
      if (part->number == kEntryKey && part->has_payload()) key = part->payload;
      if (part->number == kEntryValue && part->has_payload()) content = part->payload;
    }
    node.attributes_[key] = content;
  }
  check_text(node.name, "the name of a node");
  check_text(node.op, "the name of an operator");
  if (node.name.empty() || node.op.empty())
    throw Error("", fmt::format("is cut off or no {}", kFormat), "a node has no name or no operator");
  if (!by_name_.emplace(node.name, static_cast<int32_t>(nodes_.size())).second)
    throw Error(node.place(), "the name comes twice", "the file may be damaged");
  nodes_.push_back(std::move(node));
}

Ref File::resolved(const NodeDef& node, std::string_view input) const {
  Ref ref;
  std::string_view name = input;
  const size_t colon = input.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view digits = input.substr(colon + 1);
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), ref.output);
    if (fault == std::errc() && end == digits.data() + digits.size() && ref.output >= 0)
      name = input.substr(0, colon);
    else
      ref.output = 0;
  }
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    check_text(input, "the name of an input");
    throw Error(node.place(), fmt::format("its input '{}' comes from nowhere", input),
                "the file may be cut off");
  }
  ref.node = found->second;
  return ref;
}

Ref File::input(Ref ref, size_t index) const {
  const NodeDef& node = this->node(ref);
  if (index >= node.inputs.size()) {
    throw Error(node.place(), fmt::format("has {} inputs, want at least {}", node.inputs.size(), index + 1),
                "the file may be damaged");
  }
  return node.inputs[index];
}

std::string File::name_of(Ref ref) const {
  return ref.output == 0 ? std::string(node(ref).name) : fmt::format("{}:{}", node(ref).name, ref.output);
}

bool looks_like_graph_def(std::string_view bytes) {
  constexpr char kFirstTag = kGraphNode << 3 | static_cast<uint32_t>(WireType::length_delimited);
  return !bytes.empty() && bytes[0] == kFirstTag;
}

}  // namespace deltahop::graph_def
