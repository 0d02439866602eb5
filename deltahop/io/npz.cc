// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/npz.h"

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/npy_header.h"
#include "deltahop/io/zip.h"

namespace deltahop {
namespace {
constexpr std::string_view kSuffix = ".npy";
}

std::map<std::string, Tensor> parse_npz(std::string_view content, std::string_view name) {
  if (content.empty()) throw Error(name, "is empty");
  if (!is_zip(content)) throw Error(name, "is not an NPZ archive", "save it with numpy.savez");
  std::map<std::string, Tensor> arrays;
  for (ZipEntry& entry : unzipped(content, name)) {
    const std::string place = fmt::format("{}/{}", name, entry.name);
    if (!entry.name.ends_with(kSuffix))
      throw Error(place, "is not a NumPy array", "an NPZ archive holds .npy files only");
    const std::string key = entry.name.substr(0, entry.name.size() - kSuffix.size());
    if (!arrays.emplace(key, parse_npy(entry.content, place)).second)
      throw Error(place, "stands twice in the archive");
    std::string().swap(entry.content);
  }
  return arrays;
}

std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  return parse_npz(read_file(path), path.string());
}

void write_npz(const std::map<std::string, Tensor>& arrays, const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, tensor] : arrays)
    entries.emplace_back(name + std::string(kSuffix), npy_text(tensor));
  write_file(path, zipped(entries, {}));
}

}  // namespace deltahop
