// SPDX-License-Identifier: Apache-2.0
// Deflate streams (RFC 1951) in a zip entry or a gzip file (RFC 1952), by zlib. Inflating is bounded: a
// deflate stream cannot grow by more than a factor of 1032, so a bomb is never larger than its file allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace deltahop {

// Exactly `size` bytes out of a raw stream. Throws Error (place: `name`) where the stream is broken or of
// another size.
std::string inflated(std::string_view stream, uint64_t size, std::string_view name);
std::string deflated(std::string_view bytes);
uint32_t crc32_of(std::string_view bytes);

bool is_gzip(std::string_view content);
// All members of a gzip file, checksums verified.
std::string gunzipped(std::string_view content, std::string_view name);

}  // namespace deltahop
