// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/zip.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/byte_reader.h"
#include "deltahop/io/deflate.h"

namespace deltahop {
namespace {

constexpr std::string_view kLocalMagic = "PK\x03\x04";
constexpr std::string_view kCentralMagic = "PK\x01\x02";
constexpr std::string_view kEndMagic = "PK\x05\x06";
constexpr std::string_view kEnd64Magic = "PK\x06\x06";
constexpr std::string_view kLocatorMagic = "PK\x06\x07";
constexpr size_t kEndBytes = 22;
constexpr size_t kLocatorBytes = 20;
constexpr uint32_t kIn64 = 0xffffffff;  // "see the zip64 field"
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kStored = 0, kDeflated = 8;

struct Directory {
  uint64_t offset = 0, size = 0, entries = 0;
};

struct Record {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t checksum = 0;
  uint64_t compressed_size = 0, size = 0, offset = 0;
};

Directory find_directory(std::string_view content, std::string_view name) {
  // The end record may be followed by a comment of up to 65535 bytes: the last one in the file counts.
  const size_t at = content.rfind(kEndMagic);
  if (at == std::string_view::npos || content.size() - at < kEndBytes) {
    throw Error(name, "is cut off: the zip directory at its end is missing", "download or save it again");
  }
  ByteReader reader(content.substr(at), name);
  reader.take(4 + 2 + 2 + 2, "the zip end record");
  Directory directory;
  directory.entries = reader.little<uint16_t>("the zip end record");
  directory.size = reader.little<uint32_t>("the zip end record");
  directory.offset = reader.little<uint32_t>("the zip end record");
  const bool large = directory.entries == 0xffff || directory.size == kIn64 || directory.offset == kIn64;
  if (large && at >= kLocatorBytes && content.substr(at - kLocatorBytes, 4) == kLocatorMagic) {
    ByteReader locator(content.substr(at - kLocatorBytes + 8), name);
    const uint64_t end64 = locator.little<uint64_t>("the zip64 locator");
    if (end64 > content.size()) throw Error(name, "has a damaged zip64 locator");
    ByteReader record(content.substr(end64), name);
    if (record.take(4, "the zip64 end record") != kEnd64Magic)
      throw Error(name, "has a damaged zip64 end record");
    record.take(8 + 2 + 2 + 4 + 4 + 8, "the zip64 end record");
    directory.entries = record.little<uint64_t>("the zip64 end record");
    directory.size = record.little<uint64_t>("the zip64 end record");
    directory.offset = record.little<uint64_t>("the zip64 end record");
  }
  if (directory.offset > content.size() || directory.size > content.size() - directory.offset) {
    throw Error(name, "has a zip directory outside the file");
  }
  return directory;
}

// Sizes that do not fit 32 bits lie in the extra field, in this order, only those that are marked.
void read_zip64(std::string_view extra, Record& record, std::string_view name) {
  ByteReader reader(extra, name);
  while (reader.remaining() >= 4) {
    const uint16_t tag = reader.little<uint16_t>("an extra field");
    const uint16_t length = reader.little<uint16_t>("an extra field");
    ByteReader field(reader.take(length, "an extra field"), name);
    if (tag != kZip64Field) continue;
    for (uint64_t* value : {&record.size, &record.compressed_size, &record.offset}) {
      if (*value == kIn64) *value = field.little<uint64_t>("a zip64 field");
    }
  }
}

Record read_record(ByteReader& reader, std::string_view name) {
  constexpr std::string_view kWhat = "the zip directory";
  if (reader.take(4, kWhat) != kCentralMagic) throw Error(name, "has a damaged zip directory");
  reader.take(4, kWhat);
  Record record;
  record.flags = reader.little<uint16_t>(kWhat);
  record.method = reader.little<uint16_t>(kWhat);
  reader.take(4, kWhat);
  record.checksum = reader.little<uint32_t>(kWhat);
  record.compressed_size = reader.little<uint32_t>(kWhat);
  record.size = reader.little<uint32_t>(kWhat);
  const uint16_t name_length = reader.little<uint16_t>(kWhat);
  const uint16_t extra_length = reader.little<uint16_t>(kWhat);
  const uint16_t comment_length = reader.little<uint16_t>(kWhat);
  reader.take(2 + 2 + 4, kWhat);
  record.offset = reader.little<uint32_t>(kWhat);
  record.name = reader.take(name_length, kWhat);
  read_zip64(reader.take(extra_length, kWhat), record, name);
  reader.take(comment_length, kWhat);
  return record;
}

std::string read_entry(std::string_view content, const Record& record, std::string_view name) {
  const std::string place = fmt::format("{}/{}", name, record.name);
  if ((record.flags & 1) != 0) throw Error(place, "is encrypted");
  if (record.offset > content.size()) throw Error(place, "lies outside the file");
  ByteReader reader(content.substr(record.offset), place);
  if (reader.take(4, "its zip header") != kLocalMagic) throw Error(place, "has a damaged zip header");
  reader.take(22, "its zip header");
  const uint16_t name_length = reader.little<uint16_t>("its zip header");
  const uint16_t extra_length = reader.little<uint16_t>("its zip header");
  reader.take(uint64_t{name_length} + extra_length, "its zip header");
  const std::string_view bytes = reader.take(record.compressed_size, "its bytes");
  std::string result;
  if (record.method == kStored) {
    if (record.size != record.compressed_size) throw Error(place, "is stored, but its two sizes differ");
    result = bytes;
  } else if (record.method == kDeflated) {
    result = inflated(bytes, record.size, place);
  } else {
    throw Error(place, fmt::format("is compressed by method {}", record.method),
                "only stored and deflated entries are read");
  }
  if (crc32_of(result) != record.checksum) throw Error(place, "has a wrong checksum", "the file is damaged");
  return result;
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

struct Written {
  uint64_t offset = 0, compressed_size = 0;
  uint32_t checksum = 0;
  uint16_t method = kStored;
};

std::string zip64_field(const std::vector<uint64_t>& values) {
  std::string field;
  if (values.empty()) return field;
  put<uint16_t>(field, kZip64Field);
  put<uint16_t>(field, static_cast<uint16_t>(8 * values.size()));
  for (const uint64_t value : values) put(field, value);
  return field;
}

// The part that local and central headers share, from "version needed" to the length of the extra field.
void put_common(std::string& out, const std::string& name, const Written& written, uint64_t size, bool large,
                size_t extra) {
  put<uint16_t>(out, large ? 45 : 20);
  put<uint16_t>(out, 1 << 11);  // names are UTF-8
  put<uint16_t>(out, written.method);
  put<uint32_t>(out, 0x00210000);  // the first day that zip knows, so that equal arrays give equal files
  put(out, written.checksum);
  put(out, large ? kIn64 : static_cast<uint32_t>(written.compressed_size));
  put(out, large ? kIn64 : static_cast<uint32_t>(size));
  put(out, static_cast<uint16_t>(name.size()));
  put(out, static_cast<uint16_t>(extra));
}

void put_end(std::string& out, uint64_t start, size_t count, uint64_t zip64_from) {
  const uint64_t end = out.size();
  const bool large = start >= zip64_from || end - start >= zip64_from || count >= 0xffff;
  if (large) {
    out.append(kEnd64Magic);
    put<uint64_t>(out, 44);
    put<uint16_t>(out, 45);
    put<uint16_t>(out, 45);
    put<uint32_t>(out, 0);
    put<uint32_t>(out, 0);
    put<uint64_t>(out, count);
    put<uint64_t>(out, count);
    put<uint64_t>(out, end - start);
    put<uint64_t>(out, start);
    out.append(kLocatorMagic);
    put<uint32_t>(out, 0);
    put<uint64_t>(out, end);
    put<uint32_t>(out, 1);
  }
  out.append(kEndMagic);
  put<uint32_t>(out, 0);
  for (int i = 0; i < 2; ++i) put(out, static_cast<uint16_t>(large ? 0xffff : count));
  put(out, large ? kIn64 : static_cast<uint32_t>(end - start));
  put(out, large ? kIn64 : static_cast<uint32_t>(start));
  put<uint16_t>(out, 0);
}

}  // namespace

bool is_zip(std::string_view content) {
  return content.substr(0, 4) == kLocalMagic || content.substr(0, 4) == kEndMagic;
}

std::vector<ZipEntry> unzipped(std::string_view content, std::string_view name) {
  const Directory directory = find_directory(content, name);
  ByteReader reader(content.substr(directory.offset, directory.size), name);
  std::vector<ZipEntry> entries;
  uint64_t compressed = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Record record = read_record(reader, name);
    if (record.compressed_size > content.size() - compressed) {
      throw Error(name, "has zip entries that share bytes or reach beyond the file");
    }
    compressed += record.compressed_size;
    entries.push_back({record.name, read_entry(content, record, name)});
  }
  return entries;
}

std::string zipped(const std::vector<std::pair<std::string, std::string>>& entries,
                   const ZipOptions& options) {
  std::string out;
  std::vector<Written> all;
  for (const auto& [name, content] : entries) {
    DELTAHOP_CHECK(name.size() < 0xffff);
    Written written{out.size(), content.size(), crc32_of(content), kStored};
    std::string small = options.compressed ? deflated(content) : std::string();
    if (options.compressed && small.size() < content.size()) {
      written.method = kDeflated;
      written.compressed_size = small.size();
    }
    const bool large = std::max<uint64_t>(content.size(), written.compressed_size) >= options.zip64_from;
    const std::string extra = large ? zip64_field({content.size(), written.compressed_size}) : "";
    out.append(kLocalMagic);
    put_common(out, name, written, content.size(), large, extra.size());
    out.append(name).append(extra).append(written.method == kStored ? content : small);
    all.push_back(written);
  }
  const uint64_t start = out.size();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [name, content] = entries[i];
    const bool large = std::max<uint64_t>(content.size(), all[i].compressed_size) >= options.zip64_from;
    const bool far = all[i].offset >= options.zip64_from;
    std::vector<uint64_t> values;
    if (large) values = {content.size(), all[i].compressed_size};
    if (far) values.push_back(all[i].offset);
    const std::string extra = zip64_field(values);
    out.append(kCentralMagic);
    put<uint16_t>(out, 45);
    put_common(out, name, all[i], content.size(), large, extra.size());
    put<uint16_t>(out, 0);  // comment
    put<uint16_t>(out, 0);  // disk
    put<uint16_t>(out, 0);  // internal attributes
    put<uint32_t>(out, 0);  // external attributes
    put(out, far ? kIn64 : static_cast<uint32_t>(all[i].offset));
    out.append(name).append(extra);
  }
  put_end(out, start, all.size(), options.zip64_from);
  return out;
}

}  // namespace deltahop
