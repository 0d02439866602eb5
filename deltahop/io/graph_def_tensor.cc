// SPDX-License-Identifier: Apache-2.0
// TensorFlow's TensorProto to Tensor: the raw content, or typed fields of which the last value fills the
// rest.
#include <cstring>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def_file.h"

namespace deltahop::graph_def {
namespace {

using protobuf_wire::Field;
using protobuf_wire::FieldReader;

// Numbers of fields of TensorProto.
enum : uint32_t {
  kTensorType = 1,
  kTensorShape = 2,
  kTensorContent = 4,
  kFloats = 5,
  kDoubles = 6,
  kInts = 7,
  kLongs = 10,
  kBooleans = 11,
  kHalves = 13,
  kUints = 16,
  kUlongs = 17
};

uint32_t field_of(DataType type) {
  switch (type) {
    case DataType::float32:
      return kFloats;
    case DataType::float64:
      return kDoubles;
    case DataType::int64:
      return kLongs;
    case DataType::boolean:
      return kBooleans;
    case DataType::float16:
    case DataType::bfloat16:
      return kHalves;
    case DataType::uint32:
      return kUints;
    case DataType::uint64:
      return kUlongs;
    default:
      return kInts;
  }
}

// One number of a typed field as an element.
template <class T>
T element_of(uint64_t bits) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  } else if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<double>(bits);
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    T half;
    half.bits = static_cast<uint16_t>(bits);
    return half;
  } else if constexpr (std::is_same_v<T, bool>) {
    return bits != 0;
  } else {
    return static_cast<T>(bits);
  }
}

// Fills from the field's numbers as far as the tensor goes. Returns how many there were.
template <class T>
size_t append(std::span<T> elements, size_t count, const Field& field) {
  const auto put = [&](uint64_t bits) {
    if (count < elements.size()) elements[count] = element_of<T>(bits);
    ++count;
  };
  if (!field.has_payload()) {
    put(field.value);
    return count;
  }
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (field.payload.size() % sizeof(T) != 0) throw Error("", "a packed constant is cut off");
    for (size_t at = 0; at < field.payload.size(); at += sizeof(T)) {
      T value;
      std::memcpy(&value, field.payload.data() + at, sizeof(T));
      if (count < elements.size()) elements[count] = value;
      ++count;
    }
  } else {
    FieldReader packed(field.payload, kFormat);
    while (!packed.at_end()) put(packed.varint());
  }
  return count;
}

template <class T>
Tensor from_fields(std::string_view bytes, const Shape& shape) {
  Tensor tensor = Tensor::zeros(data_type_of<T>(), shape);
  const std::span<T> elements = tensor.values<T>();
  size_t count = 0;
  FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (field->number == field_of(data_type_of<T>())) count = append<T>(elements, count, *field);
  }
  if (count > elements.size()) {
    throw Error("", fmt::format("a constant of the shape {} holds {} values", to_text(shape), count),
                "the file may be damaged");
  }
  for (size_t i = count; i < elements.size() && count > 0; ++i) elements[i] = elements[count - 1];
  return tensor;
}

Tensor from_content(std::string_view content, DataType type, const Shape& shape) {
  Tensor tensor = Tensor::zeros(type, shape);
  if (content.size() != tensor.bytes().size()) {
    throw Error("",
                fmt::format("a constant of the shape {} holds {} bytes, want {}", to_text(shape),
                            content.size(), tensor.bytes().size()),
                "the file may be cut off");
  }
  if (!content.empty()) std::memcpy(tensor.bytes().data(), content.data(), content.size());
  // Any byte but 0 means true; a bool may hold 0 and 1 only.
  if (type == DataType::boolean) {
    for (std::byte& byte : tensor.bytes()) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return tensor;
}

}  // namespace

Tensor parse_tensor(std::string_view bytes, Allowance& allowance) {
  int64_t number = 0;
  Shape shape;
  std::optional<std::string_view> content;
  FieldReader reader(bytes, kFormat);
  while (const auto field = reader.next()) {
    if (field->number == kTensorType && !field->has_payload()) number = field->integer();
    if (field->number == kTensorContent && field->has_payload()) content = field->payload;
    if (field->number != kTensorShape || !field->has_payload()) continue;
    const auto known = parse_shape(field->payload);
    if (!known) throw Error("", "a constant has no shape", "the file may be damaged");
    shape = *known;
  }
  const DataType type = data_type_of_tensorflow(number);
  for (const int64_t size : shape) {
    if (size < 0) throw Error("", "a constant has an open dimension", "the file may be damaged");
  }
  allowance.take(type, shape);
  if (content && !content->empty()) return from_content(*content, type, shape);
  return dispatch(type, [&]<class T>() { return from_fields<T>(bytes, shape); });
}

}  // namespace deltahop::graph_def
