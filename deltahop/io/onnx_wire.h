// SPDX-License-Identifier: Apache-2.0
// The outermost levels of an ONNX file in protobuf's wire format, walked by hand: initialisers hold nearly
// all bytes of a model, and this way they go from the file into their tensor in one copy. All else is left to
// the protobuf classes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop::onnx_wire {

// Numbers of the fields that are walked by hand; onnx.proto is the source.
constexpr uint32_t kModelGraph = 7, kGraphInitializer = 5, kTensorRawData = 9;

struct Field {
  uint32_t number = 0;
  bool has_payload = false;  // length-delimited
  std::string_view payload;  // its content then
  std::string_view encoded;  // the whole field, tag included
};

// Walks the fields of one message. Throws Error ("is cut off or no ONNX file") where the bytes are none.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
  std::optional<Field> next();

 private:
  uint64_t varint();
  std::string_view take(uint64_t count);
  std::string_view rest_;
};

// `bytes` apart from the payloads of one field number: a message that protobuf reads as if they had never
// been there.
struct Split {
  std::string rest;
  std::vector<std::string_view> parts;  // into `bytes`
};
Split split_message(std::string_view bytes, uint32_t field_number);
// The same for a ModelProto and the initialisers of its graph.
Split split_model(std::string_view bytes);

// For the writer: a tag with a length, to be followed by that many bytes.
std::string length_prefix(uint32_t field_number, uint64_t length);

}  // namespace deltahop::onnx_wire
