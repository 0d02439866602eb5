// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace deltahop {
namespace {

constexpr size_t kAlignment = 64;
constexpr int64_t kMostElements = int64_t{1} << 40;

template <class T>
auto arithmetic_value(T value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>)
    return static_cast<float>(value);
  else
    return value;
}

template <class To, class From>
To convert(From from) {
  const auto value = arithmetic_value(from);
  using Value = std::remove_const_t<decltype(value)>;
  if constexpr (std::is_same_v<To, Float16> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != Value{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<Value>) {
    if (std::isnan(value)) return To{};
    // The bounds as doubles: 2^63 and 2^64 are exact, so the comparison is, too.
    constexpr double kLow = static_cast<double>(std::numeric_limits<To>::lowest());
    const double high = std::ldexp(1.0, std::numeric_limits<To>::digits);
    const double wide = static_cast<double>(value);
    if (wide < kLow) return std::numeric_limits<To>::lowest();
    if (wide >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Float16::Float16(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (word >> 16) & 0x8000u;
  const uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) {  // infinity or NaN
    bits = static_cast<uint16_t>(sign | 0x7c00u | (magnitude > 0x7f800000u ? 0x0200u : 0u));
  } else if (magnitude >= 0x477ff000u) {  // rounds beyond the largest half
    bits = static_cast<uint16_t>(sign | 0x7c00u);
  } else if (magnitude >= 0x38800000u) {  // normal
    const uint32_t rounded = magnitude + 0x0fffu + ((magnitude >> 13) & 1u);
    bits = static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  } else {  // subnormal: a multiple of 2^-24, rounded to nearest even by the addition
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    bits = static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
}

Float16::operator float() const {
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1.0p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

BFloat16::BFloat16(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  if ((word & 0x7fffffffu) > 0x7f800000u) {
    bits = static_cast<uint16_t>((word >> 16) | 0x0040u);
  } else {
    bits = static_cast<uint16_t>((word + 0x7fffu + ((word >> 16) & 1u)) >> 16);
  }
}

BFloat16::operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

std::string_view name_of(DataType type) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "float32", "float64", "float16", "bfloat16", "int8",   "int16", "int32",
      "int64",   "uint8",   "uint16",  "uint32",   "uint64", "bool"};
  return kNames.at(static_cast<size_t>(type));
}

size_t byte_width(DataType type) {
  return dispatch(type, []<class T>() { return sizeof(T); });
}

bool is_floating(DataType type) {
  return type == DataType::float32 || type == DataType::float64 || type == DataType::float16 ||
         type == DataType::bfloat16;
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) throw Error("", fmt::format("the shape {} has a negative dimension", to_text(shape)));
    if (dimension == 0) empty = true;
    if (dimension != 0 && count > kMostElements / dimension) {
      throw Error("", fmt::format("the shape {} is too large", to_text(shape)), "more than 2^40 elements");
    }
    count *= std::max<int64_t>(dimension, 1);
  }
  return empty ? 0 : count;
}

std::string to_text(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

void Tensor::FreeAligned::operator()(std::byte* pointer) const {
  ::operator delete[](pointer, std::align_val_t(kAlignment));
}

Tensor::Tensor(DataType type, Shape shape)
    : type_(type), shape_(std::move(shape)), size_(element_count(shape_)) {
  const size_t count = std::max<size_t>(byte_count(), 1);
  try {
    data_.reset(static_cast<std::byte*>(::operator new[](count, std::align_val_t(kAlignment))));
  } catch (const std::bad_alloc&) {
    throw Error("", fmt::format("no memory for a tensor of {} {} ({} bytes)", name_of(type_), to_text(shape_),
                                count));
  }
  std::memset(data_.get(), 0, count);
}

Tensor::Tensor(const Tensor& other) : Tensor(other.type_, other.shape_) {
  std::memcpy(data_.get(), other.data_.get(), byte_count());
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

Tensor Tensor::reshaped(Shape shape) const& { return Tensor(*this).reshaped(std::move(shape)); }

Tensor Tensor::reshaped(Shape shape) && {
  DELTAHOP_CHECK(element_count(shape) == size_);
  shape_ = std::move(shape);
  return std::move(*this);
}

Tensor Tensor::converted(DataType type) const {
  if (type == type_) return *this;
  Tensor result(type, shape_);
  dispatch(type_, [&]<class From>() {
    dispatch(type, [&]<class To>() {
      std::transform(values<From>().begin(), values<From>().end(), result.values<To>().begin(),
                     convert<To, From>);
    });
  });
  return result;
}

bool operator==(const Tensor& a, const Tensor& b) {
  return a.type_ == b.type_ && a.shape_ == b.shape_ &&
         std::memcmp(a.data_.get(), b.data_.get(), a.byte_count()) == 0;
}

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

double largest_magnitude(const Tensor& tensor) {
  return dispatch(tensor.type(), [&]<class T>() {
    double largest = 0;
    for (const T& value : tensor.values<T>()) {
      const double magnitude = std::abs(static_cast<double>(arithmetic_value(value)));
      if (!(magnitude <= largest))
        largest = std::isnan(magnitude) ? std::numeric_limits<double>::infinity() : magnitude;
    }
    return largest;
  });
}

int64_t count_nonzero(const Tensor& tensor) {
  return dispatch(tensor.type(), [&]<class T>() {
    const auto values = tensor.values<T>();
    return static_cast<int64_t>(std::count_if(values.begin(), values.end(), [](const T& value) {
      return arithmetic_value(value) != decltype(arithmetic_value(value)){};
    }));
  });
}

}  // namespace deltahop
