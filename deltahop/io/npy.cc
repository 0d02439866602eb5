// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy (format 1.0 to 3.0: NEP 1): a magic, a header that is a Python dictionary, then the elements.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/byte_reader.h"
#include "deltahop/io/npy_header.h"
#include "deltahop/io/npz.h"

namespace deltahop {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kLongestHeader = 65536;
constexpr size_t kMostDimensions = 32;

// Just enough of Python's literal syntax for the three keys that every header has.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  NpyHeader parse() {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        has_type = true;
        parse_type(peek() == '[' ? fail("is a structured array", "save each field by itself") : quoted());
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        header_.fortran_order = boolean();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        parse_shape();
      } else {
        fail(fmt::format("has the unknown or doubled key '{}' in its header", key));
      }
      if (!accept(',') && peek() != '}') fail("has a damaged header");
    }
    if (!has_type || !has_order || !has_shape) fail("has an incomplete header");
    return header_;
  }

 private:
  [[noreturn]] std::string fail(std::string_view what, std::string_view hint = {}) {
    throw Error(name_, what, hint);
  }

  char peek() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_])) != 0)
      ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail("has a damaged header");
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("has a damaged header");
    const size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("has a damaged header");
    const std::string word(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return word;
  }
  bool boolean() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(position_, word.size()) == word) {
        position_ += word.size();
        return value;
      }
    }
    fail("has a damaged header");
  }
  void parse_shape() {
    expect('(');
    while (!accept(')')) {
      peek();
      int64_t dimension = 0;
      const char* begin = text_.data() + position_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), dimension);
      if (error != std::errc{} || dimension < 0) fail("has a damaged shape");
      position_ += static_cast<size_t>(end - begin);
      accept('L');  // Python 2's long integers
      header_.shape.push_back(dimension);
      if (header_.shape.size() > kMostDimensions) fail("has too many dimensions");
      if (!accept(',') && peek() != ')') fail("has a damaged shape");
    }
  }
  void parse_type(const std::string& word) {
    static const std::vector<std::pair<std::string_view, DataType>> kTypes = {
        {"b1", DataType::boolean}, {"i1", DataType::int8},    {"i2", DataType::int16},
        {"i4", DataType::int32},   {"i8", DataType::int64},   {"u1", DataType::uint8},
        {"u2", DataType::uint16},  {"u4", DataType::uint32},  {"u8", DataType::uint64},
        {"f2", DataType::float16}, {"f4", DataType::float32}, {"f8", DataType::float64}};
    std::string_view kind = word;
    if (!kind.empty() && std::string_view("<>|=").find(kind.front()) != std::string_view::npos) {
      header_.big_endian = kind.front() == '>';
      kind.remove_prefix(1);
    }
    if (kind == "?") kind = "b1";
    for (const auto& [code, type] : kTypes) {
      if (code == kind) {
        header_.type = type;
        return;
      }
    }
    fail(fmt::format("holds elements of type '{}'", word),
         "booleans, integers and real floats of 16 to 64 bits are read");
  }

  std::string_view text_;
  std::string name_;
  size_t position_ = 0;
  NpyHeader header_;
};

// NumPy's name of a type, or "" where it has none.
std::string_view code_of(DataType type) {
  switch (type) {
    case DataType::float32:
      return "<f4";
    case DataType::float64:
      return "<f8";
    case DataType::float16:
      return "<f2";
    case DataType::int8:
      return "|i1";
    case DataType::int16:
      return "<i2";
    case DataType::int32:
      return "<i4";
    case DataType::int64:
      return "<i8";
    case DataType::uint8:
      return "|u1";
    case DataType::uint16:
      return "<u2";
    case DataType::uint32:
      return "<u4";
    case DataType::uint64:
      return "<u8";
    case DataType::boolean:
      return "|b1";
    case DataType::bfloat16:
      break;
  }
  return "";
}

}  // namespace

bool is_npy(std::string_view content) { return content.substr(0, kMagic.size()) == kMagic; }

void require_countable(const Shape& shape, std::string_view name) {
  try {
    element_count(shape);
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
}

NpyHeader parse_npy_header(std::string_view start, std::string_view name) {
  if (start.empty()) throw Error(name, "is empty");
  if (!is_npy(start)) throw Error(name, "is not a NumPy array", "save it with numpy.save");
  ByteReader reader(start, name);
  reader.take(kMagic.size(), "its header");
  const int major = reader.little<uint8_t>("its header");
  reader.take(1, "its header");
  if (major < 1 || major > 3) throw Error(name, fmt::format("is of the unknown NPY version {}", major));
  const uint64_t length =
      major == 1 ? reader.little<uint16_t>("its header") : reader.little<uint32_t>("its header");
  if (length > kLongestHeader) throw Error(name, "has a header that is too long");
  NpyHeader header = HeaderParser(reader.take(length, "its header"), name).parse();
  header.data_offset = reader.position();
  require_countable(header.shape, name);
  return header;
}

Tensor npy_elements(std::string_view bytes, const NpyHeader& header, Shape shape) {
  Tensor tensor(header.type, std::move(shape));
  const auto target = tensor.bytes();
  DELTAHOP_CHECK(target.size() == bytes.size());
  if (!bytes.empty()) std::memcpy(target.data(), bytes.data(), bytes.size());
  const size_t width = byte_width(header.type);
  if (header.big_endian && width > 1) {
    for (size_t at = 0; at < target.size(); at += width) std::reverse(&target[at], &target[at] + width);
  }
  // A C++ bool holds 0 or 1 only.
  if (header.type == DataType::boolean) {
    for (std::byte& byte : target) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return tensor;
}

Tensor from_fortran_order(const Tensor& stored, const Shape& shape) {
  Tensor tensor(stored.type(), shape);
  const std::vector<int64_t> strides = strides_of(shape);
  std::vector<int64_t> index(shape.size(), 0);
  const size_t width = byte_width(stored.type());
  int64_t target = 0;
  for (int64_t source = 0; source < stored.size(); ++source) {
    std::memcpy(&tensor.bytes()[static_cast<size_t>(target) * width],
                &stored.bytes()[static_cast<size_t>(source) * width], width);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      target += strides[axis];
      if (++index[axis] < shape[axis]) break;
      target -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return tensor;
}

Tensor parse_npy(std::string_view content, std::string_view name) {
  const NpyHeader header = parse_npy_header(content, name);
  const std::string_view bytes = content.substr(header.data_offset);
  const uint64_t wanted = static_cast<uint64_t>(element_count(header.shape)) * byte_width(header.type);
  if (bytes.size() != wanted) {
    throw Error(name,
                fmt::format("holds {} bytes of elements, its shape {} needs {}", bytes.size(),
                            to_text(header.shape), wanted),
                bytes.size() < wanted ? "the file is cut off" : "something follows the array");
  }
  if (!header.fortran_order) return npy_elements(bytes, header, header.shape);
  return from_fortran_order(npy_elements(bytes, header, {element_count(header.shape)}), header.shape);
}

Tensor read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path), path.string()); }

std::string npy_text(const Tensor& tensor) {
  const std::string_view code = code_of(tensor.type());
  if (code.empty())
    throw Error("", fmt::format("NumPy has no type {}", name_of(tensor.type())), "convert it to float32");
  std::string shape;
  for (const int64_t dimension : tensor.shape()) shape += fmt::format("{}, ", dimension);
  if (tensor.rank() > 1) shape.resize(shape.size() - 2);
  if (tensor.rank() == 1) shape.pop_back();
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", code, shape);
  // The elements start at a multiple of 64 bytes, the header ends with a line feed.
  const size_t prefix = kMagic.size() + 2 + 2;
  header.append(63 - (prefix + header.size()) % 64, ' ').push_back('\n');
  std::string text(kMagic);
  text += {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  text += header;
  const auto bytes = tensor.bytes();
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text;
}

void write_npy(const Tensor& tensor, const std::filesystem::path& path) {
  write_file(path, npy_text(tensor));
}

}  // namespace deltahop
