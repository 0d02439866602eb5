// SPDX-License-Identifier: Apache-2.0
// Whole files in and out. Writing goes beside the place and is renamed, so that a full disk or Ctrl-C leaves
// either the old file or the new one, never half of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace deltahop {

// Throws Error naming the path where it is missing, a folder, unreadable or larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, uint64_t limit = uint64_t{1} << 34);

// Creates missing parent folders. Throws Error naming the path; then nothing is left behind.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace deltahop
