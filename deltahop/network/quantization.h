// SPDX-License-Identifier: Apache-2.0
// What ONNX's quantised operators share: value = (code - zero point) * scale, with one scale and zero point
// for a whole tensor, one an index along an axis, or one a block along an axis. Not the fixed point of our
// own integer models.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "deltahop/network/layer.h"

namespace deltahop {

// Which parameter belongs to which element: elements are [outer, count, inner], parameters [outer, groups,
// inner] or [groups] or one.
struct ParameterLayout {
  int64_t outer = 1, count = 1, inner = 1;
  int64_t block = 1;  // elements along the axis that share a parameter
  int64_t parameters = 1;
  bool per_position = false;  // blocked: outer and inner have parameters of their own

  // block_size 0: per tensor or per axis. Throws Error where the parameters' shape does not fit.
  static ParameterLayout of(const Shape& values, const Shape& parameters, int64_t axis, int64_t block_size);

  // Calls function(element, parameter) for every element in order.
  template <class Function>
  void for_each(const Function& function) const {
    if (parameters == 0) return;
    const int64_t groups = per_position ? parameters / (outer * inner) : parameters;
    int64_t element = 0;
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t c = 0; c < count; ++c) {
        const int64_t group = c / block;
        const int64_t first = per_position ? (o * groups + group) * inner : group;
        for (int64_t i = 0; i < inner; ++i, ++element)
          function(static_cast<size_t>(element), static_cast<size_t>(per_position ? first + i : first));
      }
    }
  }
};

// What QuantizeLinear and DequantizeLinear say of their scales: the attributes and the check of the inputs.
struct ScaleAttributes {
  int64_t axis = 1, block_size = 0, output_dtype = 0;

  explicit ScaleAttributes(const Attributes& attributes);
  Attributes attributes() const;
  // Throws Error where the zero point (null where absent) or the values do not fit the scale.
  void check(const ValueInfo& values, const ValueInfo& scale, const ValueInfo* zero_point,
             std::string_view zero_point_name) const;
  ParameterLayout layout(const Shape& values, const Shape& scale) const {
    return ParameterLayout::of(values, scale, axis, block_size);
  }
};

// To the nearest integer, halves to even, moved by the zero point and saturated, as QuantizeLinear does it.
template <class T>
T saturated_code(double scaled, int64_t zero_point) {
  constexpr double kLow = static_cast<double>(std::numeric_limits<T>::lowest());
  constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
  const double code = std::nearbyint(scaled) + static_cast<double>(zero_point);
  return std::isnan(code) ? T{} : static_cast<T>(std::clamp(code, kLow, kHigh));
}

// Codes without their zero point, as int16: exact for 8-bit codes. `zero_point` may be null, one number, one
// an index of the leading axis, or one a row or a column of every matrix [..., rows, columns].
enum class ZeroPointOrder { whole, leading_axis, rows, columns };
Tensor centered(const Tensor& codes, const Tensor* zero_point, ZeroPointOrder order);
// Throws Error where centered() would not know what to do with these shapes.
void require_zero_point(const ValueInfo& codes, const ValueInfo* zero_point, std::string_view name,
                        ZeroPointOrder order);

// The input must hold one number, where its shape is known.
void require_single(const ValueInfo& info, std::string_view name);
// Exact sums as the int32 that the operators promise; beyond its range they wrap, as a 32-bit accumulator
// does.
Tensor wrapped_to_int32(const Tensor& sums);
// Exact sums times factor_at(index), rounded, moved and saturated to 8-bit codes of `type`.
template <class Factor>
Tensor requantized(const Tensor& sums, DataType type, const Factor& factor_at, int64_t zero_point) {
  Tensor codes(type, sums.shape());
  const auto fill = [&]<class T>(std::span<T> out) {
    const auto in = sums.values<int64_t>();
    for (size_t i = 0; i < in.size(); ++i) {
      out[i] = saturated_code<T>(static_cast<double>(in[i]) * factor_at(static_cast<int64_t>(i)), zero_point);
    }
  };
  if (type == DataType::int8)
    fill(codes.values<int8_t>());
  else
    fill(codes.values<uint8_t>());
  return codes;
}

// The elements as double.
std::vector<double> numbers_of(const Tensor& tensor);

// ONNX's number for an element type (TensorProto.DataType). Throws Error on one that we do not have.
DataType type_of_onnx(int64_t number);
int64_t onnx_of_type(DataType type);

}  // namespace deltahop
