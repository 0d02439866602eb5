// SPDX-License-Identifier: Apache-2.0
// The state of a session as bytes: a plain sequence of numbers, little-endian, read back in the order in
// which it was written. The frame around them (version, checksum) is the session's.
#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "deltahop/base/error.h"

namespace deltahop {

static_assert(std::endian::native == std::endian::little, "states are written as they lie in memory");

class StateWriter {
 public:
  template <class T>
  void add(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// The caller knows how much there must be: running out is our fault, not the user's.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  void fill(std::span<T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    DELTAHOP_CHECK(values.size_bytes() <= bytes_.size());
    if (values.empty()) return;
    std::memcpy(values.data(), bytes_.data(), values.size_bytes());
    bytes_.remove_prefix(values.size_bytes());
  }
  bool is_done() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace deltahop
