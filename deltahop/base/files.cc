// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

std::string read_file(const std::filesystem::path& path, uint64_t limit) {
  std::error_code fault;
  if (!std::filesystem::exists(path, fault)) throw Error(path.string(), "no such file", "check the path");
  if (std::filesystem::is_directory(path, fault))
    throw Error(path.string(), "is a folder, not a file", "name a file in it");
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file)
    throw Error(path.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                "check its permissions");
  const uint64_t size = std::filesystem::file_size(path, fault);
  if (!fault && size > limit)
    throw Error(path.string(), fmt::format("is {} bytes, more than the {} allowed here", size, limit));
  std::string content(fault ? 0 : size, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  // A file that is no plain file (a pipe) has no size: read what comes, up to the limit.
  for (char buffer[65536]; content.size() <= limit;) {
    const size_t count = std::fread(buffer, 1, sizeof buffer, file.get());
    if (count == 0) break;
    content.append(buffer, count);
  }
  if (std::ferror(file.get()))
    throw Error(path.string(), fmt::format("cannot be read: {}", std::strerror(errno)));
  if (content.size() > limit)
    throw Error(path.string(), fmt::format("is more than the {} bytes allowed here", limit));
  return content;
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::error_code fault;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), fault);
  const std::string temporary = fmt::format("{}.{}.part", path.string(), ::getpid());
  const auto fail = [&](int error) {
    std::remove(temporary.c_str());
    throw Error(path.string(), fmt::format("cannot be written: {}", std::strerror(error)),
                "check the folder, its permissions and free space");
  };
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) fail(errno);
  const bool written =
      std::fwrite(content.data(), 1, content.size(), file) == content.size() && std::fflush(file) == 0;
  const int error = errno;
  if ((std::fclose(file) != 0) || !written) fail(written ? errno : error);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail(errno);
}

}  // namespace deltahop
