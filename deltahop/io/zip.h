// SPDX-License-Identifier: Apache-2.0
// Zip archives as NumPy writes them: stored or deflated entries, zip64 where sizes need it (PKWARE's
// APPNOTE 6.3). No encryption, no split archives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace deltahop {

struct ZipEntry {
  std::string name;
  std::string content;
};

bool is_zip(std::string_view content);
// All entries, checksums verified. Throws Error (place: `name`, or `name/entry`). Entries that share bytes
// are refused, so the sum of all is bounded by the archive's size.
std::vector<ZipEntry> unzipped(std::string_view content, std::string_view name);

struct ZipOptions {
  bool compressed = true;
  uint64_t zip64_from = 0xffffffff;  // sizes and offsets from here on are written in the 64-bit form
};
std::string zipped(const std::vector<std::pair<std::string, std::string>>& entries,
                   const ZipOptions& options);

}  // namespace deltahop
