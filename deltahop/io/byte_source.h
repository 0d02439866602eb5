// SPDX-License-Identifier: Apache-2.0
// Bytes at an offset, from a file or from memory: large data sets stay on disk and are read a sample at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace deltahop {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Exactly `length` bytes; throws Error naming the file where it has become shorter. May be called from many
  // threads.
  virtual std::string read(uint64_t offset, uint64_t length) const = 0;
};

// Throws Error where the path is no readable plain file.
std::shared_ptr<const ByteSource> file_bytes(const std::filesystem::path& path);
std::shared_ptr<const ByteSource> memory_bytes(std::string content);

}  // namespace deltahop
