// SPDX-License-Identifier: Apache-2.0
// The first noun: a block of numbers of one type with a shape, row-major, last dimension fastest.
//   Tensor image = Tensor::zeros(DataType::float32, {1, 3, 224, 224});
//   for (float& value : image.values<float>()) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/base/units.h"

namespace deltahop {

enum class DataType : uint8_t {
  float32,
  float64,
  float16,
  bfloat16,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  boolean
};

// IEEE half and bfloat16 are carried as bits; arithmetic converts to float first.
struct Float16 {
  uint16_t bits = 0;
  Float16() = default;
  explicit Float16(float value);  // rounds half to even, overflows to infinity
  explicit operator float() const;
};
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);
  explicit operator float() const;
};

template <class T>
constexpr DataType data_type_of() {
  if constexpr (std::is_same_v<T, float>)
    return DataType::float32;
  else if constexpr (std::is_same_v<T, double>)
    return DataType::float64;
  else if constexpr (std::is_same_v<T, Float16>)
    return DataType::float16;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return DataType::bfloat16;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DataType::int8;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DataType::int16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DataType::int32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DataType::int64;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DataType::uint8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return DataType::uint16;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return DataType::uint32;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return DataType::uint64;
  else {
    static_assert(std::is_same_v<T, bool>, "not an element type");
    return DataType::boolean;
  }
}

// Calls function.template operator()<T>() with the C++ type of `type`.
template <class Function>
decltype(auto) dispatch(DataType type, Function&& function) {
  switch (type) {
    case DataType::float32:
      return function.template operator()<float>();
    case DataType::float64:
      return function.template operator()<double>();
    case DataType::float16:
      return function.template operator()<Float16>();
    case DataType::bfloat16:
      return function.template operator()<BFloat16>();
    case DataType::int8:
      return function.template operator()<int8_t>();
    case DataType::int16:
      return function.template operator()<int16_t>();
    case DataType::int32:
      return function.template operator()<int32_t>();
    case DataType::int64:
      return function.template operator()<int64_t>();
    case DataType::uint8:
      return function.template operator()<uint8_t>();
    case DataType::uint16:
      return function.template operator()<uint16_t>();
    case DataType::uint32:
      return function.template operator()<uint32_t>();
    case DataType::uint64:
      return function.template operator()<uint64_t>();
    case DataType::boolean:
      return function.template operator()<bool>();
  }
  check_failed("data type", __FILE__, __LINE__);
}

std::string_view name_of(DataType type);  // "float32"
size_t byte_width(DataType type);
bool is_floating(DataType type);  // float32, float64, float16, bfloat16

using Shape = std::vector<int64_t>;
// The product of the dimensions. Throws Error on a negative dimension or a product beyond 2^40 elements.
int64_t element_count(const Shape& shape);
std::string to_text(const Shape& shape);  // "1x3x224x224", "scalar"

class Tensor {
 public:
  Tensor() : Tensor(DataType::float32, {0}) {}
  // Elements start at zero.
  Tensor(DataType type, Shape shape);
  static Tensor zeros(DataType type, Shape shape) { return Tensor(type, std::move(shape)); }
  // values.size() must equal the product of shape.
  template <class T>
  static Tensor of(Shape shape, const std::vector<T>& values);
  template <class T>
  static Tensor scalar(T value) {
    return of<T>({}, std::vector<T>{value});
  }

  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_.at(axis); }
  size_t rank() const { return shape_.size(); }
  int64_t size() const { return size_; }  // elements
  Bits bits() const { return Bits(size_ * static_cast<int64_t>(byte_width(type_)) * 8); }

  // The elements; T must match type().
  template <class T>
  std::span<T> values() {
    DELTAHOP_CHECK(data_type_of<T>() == type_);
    return {reinterpret_cast<T*>(data_.get()), static_cast<size_t>(size_)};
  }
  template <class T>
  std::span<const T> values() const {
    DELTAHOP_CHECK(data_type_of<T>() == type_);
    return {reinterpret_cast<const T*>(data_.get()), static_cast<size_t>(size_)};
  }
  std::span<std::byte> bytes() { return {data_.get(), byte_count()}; }
  std::span<const std::byte> bytes() const { return {data_.get(), byte_count()}; }

  // The same elements under another shape of the same size.
  Tensor reshaped(Shape shape) const&;
  Tensor reshaped(Shape shape) &&;
  // Converted element by element; floats go to integers by truncation towards zero, out-of-range values
  // saturate, NaN becomes 0.
  Tensor converted(DataType type) const;

  // Same type, shape and bytes.
  friend bool operator==(const Tensor& a, const Tensor& b);

 private:
  struct FreeAligned {
    void operator()(std::byte* pointer) const;
  };
  size_t byte_count() const { return static_cast<size_t>(size_) * byte_width(type_); }

  DataType type_;
  Shape shape_;
  int64_t size_ = 0;
  std::unique_ptr<std::byte[], FreeAligned> data_;  // 64-byte aligned
};

template <class T>
Tensor Tensor::of(Shape shape, const std::vector<T>& values) {
  Tensor tensor(data_type_of<T>(), std::move(shape));
  DELTAHOP_CHECK(tensor.size() == static_cast<int64_t>(values.size()));
  size_t index = 0;
  for (const T& value : values) tensor.values<T>()[index++] = value;
  return tensor;
}

// Row-major strides in elements.
std::vector<int64_t> strides_of(const Shape& shape);
// Largest absolute element as double (0 for an empty tensor); NaN counts as infinity.
double largest_magnitude(const Tensor& tensor);
// Elements that are not zero.
int64_t count_nonzero(const Tensor& tensor);

}  // namespace deltahop
