// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "deltahop/base/files.h"
#include "deltahop/io/byte_reader.h"

namespace deltahop {
namespace {

using nlohmann::json;

constexpr uint64_t kLongestHeader = uint64_t{100} << 20;  // the bound of the format's own library
constexpr int kDeepestNesting = 8;

std::optional<DataType> type_of(const std::string& word) {
  static const std::map<std::string, DataType> kTypes = {
      {"F64", DataType::float64},   {"F32", DataType::float32}, {"F16", DataType::float16},
      {"BF16", DataType::bfloat16}, {"I64", DataType::int64},   {"I32", DataType::int32},
      {"I16", DataType::int16},     {"I8", DataType::int8},     {"U64", DataType::uint64},
      {"U32", DataType::uint32},    {"U16", DataType::uint16},  {"U8", DataType::uint8},
      {"BOOL", DataType::boolean}};
  const auto found = kTypes.find(word);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

// The header as JSON; JSON's own rule for doubled keys (the last one wins) would hide a tensor, so they are
// refused.
json parse_header(std::string_view text, std::string_view name) {
  std::set<std::string> names;
  std::string fault;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDeepestNesting && fault.empty()) fault = "has a header that is nested too deeply";
    if (event == json::parse_event_t::key && depth == 1 && fault.empty() &&
        !names.insert(parsed.get_ref<const std::string&>()).second) {
      fault = fmt::format("names the tensor '{}' twice", parsed.get_ref<const std::string&>());
    }
    return fault.empty();
  };
  json header = json::parse(text.begin(), text.end(), watch, false);
  if (!fault.empty()) throw Error(name, fault);
  if (!header.is_object()) throw Error(name, "has a header that is not JSON", "is it a safetensors file?");
  return header;
}

struct Entry {
  std::string name;
  DataType type = DataType::float32;
  Shape shape;
  uint64_t begin = 0, end = 0;
};

bool is_size(const json& value) { return value.is_number_unsigned(); }

Entry read_entry(const std::string& tensor, const json& described, std::string_view name) {
  const std::string place = fmt::format("{}: tensor '{}'", name, tensor);
  const auto damaged = [&] {
    return Error(place, "has a damaged description", "dtype, shape and data_offsets are needed");
  };
  if (!described.is_object() || !described.contains("dtype") || !described.contains("shape") ||
      !described.contains("data_offsets")) {
    throw damaged();
  }
  const json& type = described["dtype"];
  const json& shape = described["shape"];
  const json& offsets = described["data_offsets"];
  if (!type.is_string() || !shape.is_array() || !offsets.is_array() || offsets.size() != 2 ||
      !is_size(offsets[0]) || !is_size(offsets[1])) {
    throw damaged();
  }
  Entry entry;
  entry.name = tensor;
  const auto known = type_of(type.get_ref<const std::string&>());
  if (!known)
    throw Error(place, fmt::format("is of type {}", type.get_ref<const std::string&>()), "convert it to F32");
  entry.type = *known;
  for (const json& dimension : shape) {
    if (!is_size(dimension) || dimension.get<uint64_t>() > (uint64_t{1} << 40)) throw damaged();
    entry.shape.push_back(dimension.get<int64_t>());
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  uint64_t wanted = 0;
  try {
    wanted = static_cast<uint64_t>(element_count(entry.shape)) * byte_width(entry.type);
  } catch (const Error& error) {
    throw Error(place, error.what());
  }
  if (entry.end < entry.begin || entry.end - entry.begin != wanted) {
    throw Error(place,
                fmt::format("has {} bytes, its shape {} needs {}",
                            static_cast<int64_t>(entry.end - entry.begin), to_text(entry.shape), wanted));
  }
  return entry;
}

}  // namespace

std::map<std::string, Tensor> parse_safetensors(std::string_view content, std::string_view name) {
  if (content.empty()) throw Error(name, "is empty");
  ByteReader reader(content, name);
  const uint64_t length = reader.little<uint64_t>("its header length");
  if (length > kLongestHeader || length > reader.remaining()) {
    throw Error(name, "has a header length beyond its end", "is it a safetensors file, and complete?");
  }
  const json header = parse_header(reader.take(length, "its header"), name);
  const std::string_view data = content.substr(reader.position());
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key != "__metadata__") entries.push_back(read_entry(key, value, name));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::map<std::string, Tensor> tensors;
  uint64_t expected = 0;
  for (const Entry& entry : entries) {
    const std::string place = fmt::format("{}: tensor '{}'", name, entry.name);
    if (entry.begin < expected) throw Error(place, "overlaps another tensor");
    if (entry.begin > expected) throw Error(place, "leaves a hole before its elements");
    if (entry.end > data.size())
      throw Error(place, "reaches beyond the end of the file", "the file is cut off");
    expected = entry.end;
    Tensor tensor(entry.type, entry.shape);
    const std::string_view bytes = data.substr(entry.begin, entry.end - entry.begin);
    if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), bytes.size());
    if (entry.type == DataType::boolean) {
      for (std::byte& byte : tensor.bytes()) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
    }
    tensors.emplace(entry.name, std::move(tensor));
  }
  if (expected != data.size()) throw Error(name, "has bytes that belong to no tensor");
  return tensors;
}

std::map<std::string, Tensor> read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

}  // namespace deltahop
