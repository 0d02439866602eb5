// SPDX-License-Identifier: Apache-2.0
// Numbers out of a file's bytes, never beyond their end.
//   ByteReader reader(content, "weights.net");
//   const uint32_t count = reader.little<uint32_t>("the entry count");
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "deltahop/base/error.h"

namespace deltahop {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in little-endian files");

class ByteReader {
 public:
  // `content` must outlive the reader; `name` is the place in errors.
  ByteReader(std::string_view content, std::string_view name) : content_(content), name_(name) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return content_.size() - position_; }

  // The next `count` bytes. Throws Error naming `what` where the file ends before.
  std::string_view take(uint64_t count, std::string_view what) {
    if (count > remaining()) {
      throw Error(name_, "is cut off in " + std::string(what), "the file is damaged or incomplete");
    }
    const std::string_view bytes = content_.substr(position_, count);
    position_ += count;
    return bytes;
  }
  template <class T>
  T little(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  template <class T>
  T big(std::string_view what) {
    static_assert(std::is_unsigned_v<T>);
    T value = 0;
    for (const char byte : take(sizeof(T), what))
      value = static_cast<T>((value << 8) | static_cast<uint8_t>(byte));
    return value;
  }

 private:
  std::string_view content_;
  std::string name_;
  uint64_t position_ = 0;
};

}  // namespace deltahop
