// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_wire.h"

#include "deltahop/base/error.h"

namespace deltahop::onnx_wire {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

[[noreturn]] void fail() {
  throw Error("", "is cut off or no ONNX file", "compare its size with the original's");
}

void append_varint(std::string& text, uint64_t value) {
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  text.push_back(static_cast<char>(value));
}

}  // namespace

uint64_t FieldReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(take(1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail();
}

std::string_view FieldReader::take(uint64_t count) {
  if (count > rest_.size()) fail();
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::optional<Field> FieldReader::next() {
  if (rest_.empty()) return std::nullopt;
  const char* const begin = rest_.data();
  const uint64_t tag = varint();
  Field field;
  field.number = static_cast<uint32_t>(tag >> 3);
  if (field.number == 0 || tag >> 32 != 0) fail();
  switch (tag & 7) {
    case kVarint:
      varint();
      break;
    case kFixed64:
      take(8);
      break;
    case kFixed32:
      take(4);
      break;
    case kLengthDelimited:
      field.has_payload = true;
      field.payload = take(varint());
      break;
    default:
      fail();  // groups: no version of onnx.proto has them
  }
  field.encoded = {begin, static_cast<size_t>(rest_.data() - begin)};
  return field;
}

Split split_message(std::string_view bytes, uint32_t field_number) {
  Split split;
  FieldReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number == field_number && field->has_payload)
      split.parts.push_back(field->payload);
    else
      split.rest.append(field->encoded);
  }
  return split;
}

Split split_model(std::string_view bytes) {
  Split model;
  FieldReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number != kModelGraph || !field->has_payload) {
      model.rest.append(field->encoded);
      continue;
    }
    const Split graph = split_message(field->payload, kGraphInitializer);
    model.rest.append(length_prefix(kModelGraph, graph.rest.size())).append(graph.rest);
    model.parts.insert(model.parts.end(), graph.parts.begin(), graph.parts.end());
  }
  return model;
}

std::string length_prefix(uint32_t field_number, uint64_t length) {
  std::string text;
  append_varint(text, uint64_t{field_number} << 3 | kLengthDelimited);
  append_varint(text, length);
  return text;
}

}  // namespace deltahop::onnx_wire
