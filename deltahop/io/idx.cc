// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/idx.h"

#include <optional>

#include "deltahop/io/byte_reader.h"

namespace deltahop {
namespace {

std::optional<DataType> type_of(char code) {
  switch (code) {
    case 0x08:
      return DataType::uint8;
    case 0x09:
      return DataType::int8;
    case 0x0b:
      return DataType::int16;
    case 0x0c:
      return DataType::int32;
    case 0x0d:
      return DataType::float32;
    case 0x0e:
      return DataType::float64;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_idx(std::string_view start) {
  return start.size() >= 4 && start[0] == 0 && start[1] == 0 && type_of(start[2]) && start[3] > 0 &&
         start[3] <= 16;
}

NpyHeader parse_idx_header(std::string_view start, std::string_view name) {
  if (start.empty()) throw Error(name, "is empty");
  if (!is_idx(start)) throw Error(name, "is not an IDX file");
  ByteReader reader(start, name);
  reader.take(2, "its header");
  NpyHeader header;
  header.type = *type_of(reader.take(1, "its header")[0]);
  header.big_endian = true;
  const int dimensions = reader.big<uint8_t>("its header");
  for (int i = 0; i < dimensions; ++i) header.shape.push_back(reader.big<uint32_t>("its header"));
  header.data_offset = reader.position();
  require_countable(header.shape, name);
  return header;
}

}  // namespace deltahop
