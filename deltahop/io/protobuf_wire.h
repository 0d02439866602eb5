// SPDX-License-Identifier: Apache-2.0
// Protobuf's wire format, walked by hand: fields of one message at a time, never beyond its end, nothing
// copied. For the readers of io/: ONNX's outermost levels, and TensorFlow's GraphDef.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop::protobuf_wire {

enum class WireType : uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

struct Field {
  uint32_t number = 0;
  WireType type = WireType::varint;
  uint64_t value = 0;        // of varint, fixed64 and fixed32
  std::string_view payload;  // of length_delimited
  std::string_view encoded;  // the whole field, tag included

  bool has_payload() const { return type == WireType::length_delimited; }
  int64_t integer() const { return static_cast<int64_t>(value); }
  float float32() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
};

// Walks the fields of one message. Throws Error ("is cut off or no <format>") where the bytes are none.
class FieldReader {
 public:
  FieldReader(std::string_view bytes, const char* format) : rest_(bytes), format_(format) {}
  std::optional<Field> next();
  // The numbers of a packed field, which is a payload without tags.
  bool at_end() const { return rest_.empty(); }
  uint64_t varint();

 private:
  std::string_view take(uint64_t count);
  uint64_t little(size_t width);
  [[noreturn]] void fail() const;
  std::string_view rest_;
  const char* format_;
};

// `bytes` apart from the payloads of one field number: a message that protobuf reads as if they had never
// been there.
struct Split {
  std::string rest;
  std::vector<std::string_view> parts;  // into `bytes`
};
Split split_message(std::string_view bytes, uint32_t field_number, const char* format);

// For writers: a tag with a length, to be followed by that many bytes.
std::string length_prefix(uint32_t field_number, uint64_t length);

// Names go into reports, where they must be text: throws Error ("<what> is not UTF-8 text") otherwise.
void check_text(std::string_view text, std::string_view what);

}  // namespace deltahop::protobuf_wire
