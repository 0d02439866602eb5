// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/protobuf_wire.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::protobuf_wire {
namespace {

void append_varint(std::string& text, uint64_t value) {
  for (; value >= 0x80; value >>= 7) text.push_back(static_cast<char>(0x80 | (value & 0x7f)));
  text.push_back(static_cast<char>(value));
}

}  // namespace

void FieldReader::fail() const {
  throw Error("", fmt::format("is cut off or no {}", format_), "compare its size with the original's");
}

uint64_t FieldReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(take(1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail();
}

uint64_t FieldReader::little(size_t width) {
  uint64_t value = 0;
  int shift = 0;
  for (const char byte : take(width)) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(byte)) << shift;
    shift += 8;
  }
  return value;
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
  field.type = static_cast<WireType>(tag & 7);
  switch (field.type) {
    case WireType::varint:
      field.value = varint();
      break;
    case WireType::fixed64:
      field.value = little(8);
      break;
    case WireType::fixed32:
      field.value = little(4);
      break;
    case WireType::length_delimited:
      field.payload = take(varint());
      break;
    default:
      fail();  // groups: none of these formats ever had them
  }
  field.encoded = {begin, static_cast<size_t>(rest_.data() - begin)};
  return field;
}

Split split_message(std::string_view bytes, uint32_t field_number, const char* format) {
  Split split;
  FieldReader reader(bytes, format);
  while (const auto field = reader.next()) {
    if (field->number == field_number && field->has_payload())
      split.parts.push_back(field->payload);
    else
      split.rest.append(field->encoded);
  }
  return split;
}

std::string length_prefix(uint32_t field_number, uint64_t length) {
  std::string text;
  append_varint(text, uint64_t{field_number} << 3 | static_cast<uint64_t>(WireType::length_delimited));
  append_varint(text, length);
  return text;
}

void check_text(std::string_view text, std::string_view what) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const size_t following = byte < 0x80                   ? 0
                             : byte >= 0xc2 && byte < 0xe0 ? 1
                             : byte >= 0xe0 && byte < 0xf0 ? 2
                             : byte >= 0xf0 && byte < 0xf5 ? 3
                                                           : 4;
    bool good = following < 4 && i + following < text.size() &&
                (byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r');
    for (size_t k = 1; good && k <= following; ++k) good = (static_cast<uint8_t>(text[i + k]) & 0xc0) == 0x80;
    if (!good) throw Error("", fmt::format("{} is not UTF-8 text", what), "the file may be damaged");
    i += following;
  }
}

}  // namespace deltahop::protobuf_wire
