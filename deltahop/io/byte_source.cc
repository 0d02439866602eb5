// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

class FileBytes : public ByteSource {
 public:
  explicit FileBytes(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code fault;
    if (!std::filesystem::exists(path, fault)) throw Error(name_, "no such file", "check the path");
    if (!std::filesystem::is_regular_file(path, fault)) throw Error(name_, "is not a plain file");
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0)
      throw Error(name_, fmt::format("cannot be opened: {}", std::strerror(errno)), "check its permissions");
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0) size_ = static_cast<uint64_t>(status.st_size);
  }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  uint64_t size() const override { return size_; }
  std::string read(uint64_t offset, uint64_t length) const override {
    DELTAHOP_CHECK(offset <= size_ && length <= size_ - offset);
    std::string bytes(length, '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count =
          ::pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0)
        throw Error(name_, count == 0 ? "has become shorter while it was read"
                                      : fmt::format("cannot be read: {}", std::strerror(errno)));
      done += static_cast<size_t>(count);
    }
    return bytes;
  }

 private:
  std::string name_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

class MemoryBytes : public ByteSource {
 public:
  explicit MemoryBytes(std::string content) : content_(std::move(content)) {}
  uint64_t size() const override { return content_.size(); }
  std::string read(uint64_t offset, uint64_t length) const override {
    DELTAHOP_CHECK(offset <= content_.size() && length <= content_.size() - offset);
    return content_.substr(offset, length);
  }

 private:
  std::string content_;
};

}  // namespace

std::shared_ptr<const ByteSource> file_bytes(const std::filesystem::path& path) {
  return std::make_shared<FileBytes>(path);
}
std::shared_ptr<const ByteSource> memory_bytes(std::string content) {
  return std::make_shared<MemoryBytes>(std::move(content));
}

}  // namespace deltahop
