// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_tensor.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace deltahop {
namespace {

// Indexed by onnx.proto's number.
constexpr std::array<std::string_view, 27> kOnnxTypeNames = {
    "undefined", "float",      "uint8",      "int8",         "uint16",         "int16",      "int32",
    "int64",     "string",     "bool",       "float16",      "double",         "uint32",     "uint64",
    "complex64", "complex128", "bfloat16",   "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
    "uint4",     "int4",       "float4e2m1", "float8e8m0",   "uint2",          "int2"};

struct TypePair {
  DataType type;
  int number;
};
constexpr std::array<TypePair, 13> kTypes = {{{DataType::float32, 1},
                                              {DataType::uint8, 2},
                                              {DataType::int8, 3},
                                              {DataType::uint16, 4},
                                              {DataType::int16, 5},
                                              {DataType::int32, 6},
                                              {DataType::int64, 7},
                                              {DataType::boolean, 9},
                                              {DataType::float16, 10},
                                              {DataType::float64, 11},
                                              {DataType::uint32, 12},
                                              {DataType::uint64, 13},
                                              {DataType::bfloat16, 16}}};

// Checks before anything of that size is allocated.
void check_count(int64_t wanted, uint64_t found) {
  if (static_cast<uint64_t>(wanted) != found) {
    throw Error("", fmt::format("its shape asks for {} elements, the file has {}", wanted, found),
                "the file may be cut off");
  }
}

template <class T, class Source>
Tensor from_typed_field(Shape shape, const Source& source) {
  const int64_t count = element_count(shape);
  check_count(count, static_cast<uint64_t>(source.size()));
  Tensor tensor(data_type_of<T>(), std::move(shape));
  auto values = tensor.values<T>();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = source.Get(static_cast<int>(i));
    if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>)
      values[i].bits = static_cast<uint16_t>(value);
    else
      values[i] = static_cast<T>(value);
  }
  return tensor;
}

Tensor from_raw(DataType type, Shape shape, std::string_view raw) {
  const int64_t count = element_count(shape);
  const uint64_t width = byte_width(type);
  if (raw.size() % width != 0)
    throw Error("",
                fmt::format("its {} bytes are no whole number of {} elements", raw.size(), name_of(type)));
  check_count(count, raw.size() / width);
  Tensor tensor(type, std::move(shape));
  if (type == DataType::boolean) {  // any other byte than 0 and 1 would not be a bool
    size_t i = 0;
    for (bool& value : tensor.values<bool>()) value = raw[i++] != 0;
  } else if (!raw.empty()) {
    std::memcpy(tensor.bytes().data(), raw.data(), raw.size());
  }
  return tensor;
}

Tensor from_typed_fields(const onnx::TensorProto& proto, DataType type, Shape shape) {
  switch (type) {
    case DataType::float32:
      return from_typed_field<float>(std::move(shape), proto.float_data());
    case DataType::float64:
      return from_typed_field<double>(std::move(shape), proto.double_data());
    case DataType::int64:
      return from_typed_field<int64_t>(std::move(shape), proto.int64_data());
    case DataType::uint32:
      return from_typed_field<uint32_t>(std::move(shape), proto.uint64_data());
    case DataType::uint64:
      return from_typed_field<uint64_t>(std::move(shape), proto.uint64_data());
    default:
      break;
  }
  return dispatch(type, [&]<class T>() { return from_typed_field<T>(std::move(shape), proto.int32_data()); });
}

uint64_t number_in(const std::string& key, const std::string& text) {
  uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) {
    throw Error("", fmt::format("the {} of its external data, '{}', is no number", key, text));
  }
  return number;
}

}  // namespace

DataType data_type_of_onnx(int number) {
  for (const TypePair& pair : kTypes) {
    if (pair.number == number) return pair.type;
  }
  const bool named = number >= 0 && number < static_cast<int>(kOnnxTypeNames.size());
  throw Error(
      "",
      fmt::format("the element type {} is not supported",
                  named ? std::string(kOnnxTypeNames[static_cast<size_t>(number)]) : std::to_string(number)),
      "export with float32, float16, bfloat16, double, bool or integers of 8 to 64 bits");
}

int onnx_number_of(DataType type) {
  for (const TypePair& pair : kTypes) {
    if (pair.type == type) return pair.number;
  }
  check_failed("data type", __FILE__, __LINE__);
}

Tensor tensor_of(const onnx::TensorProto& proto, std::optional<std::string_view> raw,
                 ExternalData& external) {
  const DataType type = data_type_of_onnx(proto.data_type());
  if (proto.has_segment()) throw Error("", "tensors in segments are not supported");
  Shape shape(proto.dims().begin(), proto.dims().end());
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    external.check(proto, static_cast<uint64_t>(element_count(shape)) * byte_width(type));
    Tensor tensor(type, std::move(shape));
    external.read_into(tensor, proto);
    if (type != DataType::boolean) return tensor;
    const auto bytes = tensor.bytes();
    return from_raw(type, tensor.shape(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (!raw && proto.has_raw_data()) raw = proto.raw_data();
  if (raw) return from_raw(type, std::move(shape), *raw);
  return from_typed_fields(proto, type, std::move(shape));
}

std::filesystem::path ExternalData::inside_folder(const std::string& location) const {
  const auto refuse = [&](std::string_view why) {
    return Error("", fmt::format("its external data '{}' {}", location, why),
                 "external data must lie in the model's own folder");
  };
  if (folder_.empty()) throw refuse("cannot be had: the model does not come from a folder");
  if (location.empty() || location.find('\0') != std::string::npos) throw refuse("is no file name");
  if (std::filesystem::path(location).is_absolute()) throw refuse("is an absolute path");
  std::error_code fault;
  const auto home = std::filesystem::weakly_canonical(folder_, fault);
  if (fault) throw refuse("cannot be found");
  const auto file = std::filesystem::weakly_canonical(home / location, fault);
  if (fault) throw refuse("cannot be found");
  const auto [end, other] = std::mismatch(home.begin(), home.end(), file.begin(), file.end());
  if (end != home.end() || other == file.end()) throw refuse("leads out of the folder");
  if (!std::filesystem::is_regular_file(file, fault)) throw refuse("is missing or no file");
  return file;
}

ExternalData::Range ExternalData::range_of(const onnx::TensorProto& proto, uint64_t byte_count) const {
  std::string location;
  Range range;
  std::optional<uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      range.offset = number_in(entry.key(), entry.value());
    else if (entry.key() == "length")
      length = number_in(entry.key(), entry.value());
  }
  range.file = inside_folder(location);
  range.length = byte_count;
  if (length && *length != byte_count) {
    throw Error("",
                fmt::format("its shape asks for {} bytes, its external data has {}", byte_count, *length));
  }
  std::error_code fault;
  const uint64_t size = std::filesystem::file_size(range.file, fault);
  if (fault || range.offset > size || range.length > size - range.offset) {
    throw Error("",
                fmt::format("its external data, {} bytes from {}, is not within '{}'", range.length,
                            range.offset, location),
                "the data file may be cut off");
  }
  return range;
}

void ExternalData::check(const onnx::TensorProto& proto, uint64_t byte_count) {
  const Range range = range_of(proto, byte_count);
  // A small data file that a thousand tensors share would be a bomb.
  uint64_t& sum = read_bytes_[range.file.string()];
  sum += range.length;
  std::error_code fault;
  if (sum / 4 > std::filesystem::file_size(range.file, fault)) {
    throw Error("", fmt::format("the tensors of the data file '{}' overlap more than four times",
                                range.file.filename().string()));
  }
}

void ExternalData::read_into(Tensor& tensor, const onnx::TensorProto& proto) {
  const Range range = range_of(proto, tensor.bytes().size());
  std::ifstream file(range.file, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(range.offset));
  file.read(reinterpret_cast<char*>(tensor.bytes().data()), static_cast<std::streamsize>(range.length));
  if (!file)
    throw Error("", fmt::format("its external data in '{}' cannot be read", range.file.filename().string()));
}

}  // namespace deltahop
