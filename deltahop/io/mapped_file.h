// SPDX-License-Identifier: Apache-2.0
// A whole file as read-only memory, without a copy: pages come in when they are touched and can be given
// back.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace deltahop {

class MappedFile {
 public:
  // Throws Error naming the path where it is missing, a folder or unreadable. What is no plain file is read
  // instead.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return bytes_; }
  // Tells the system that this part of bytes() will not be needed again soon: it stops counting as our
  // memory, and comes back from the file if it is read after all.
  void give_back(std::string_view part) const;

 private:
  std::string_view bytes_;
  bool mapped_ = false;
  std::string read_;  // where mapping was not possible
};

}  // namespace deltahop
