// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/quantization.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

constexpr std::array<std::pair<int64_t, DataType>, 13> kOnnxTypes = {{{1, DataType::float32},
                                                                      {2, DataType::uint8},
                                                                      {3, DataType::int8},
                                                                      {4, DataType::uint16},
                                                                      {5, DataType::int16},
                                                                      {6, DataType::int32},
                                                                      {7, DataType::int64},
                                                                      {9, DataType::boolean},
                                                                      {10, DataType::float16},
                                                                      {11, DataType::float64},
                                                                      {12, DataType::uint32},
                                                                      {13, DataType::uint64},
                                                                      {16, DataType::bfloat16}}};

// What the shape of a zero point must be to have one number a row or column of a stack of matrices [...,
// rows, columns].
bool is_per_line(const Shape& codes, const Shape& zero_point, ZeroPointOrder order) {
  if (codes.size() < 2) return false;
  const int64_t lines = order == ZeroPointOrder::rows ? codes[codes.size() - 2] : codes.back();
  if (zero_point.size() == 1) return zero_point[0] == lines;
  Shape stacked = codes;
  stacked[order == ZeroPointOrder::rows ? stacked.size() - 1 : stacked.size() - 2] = 1;
  return zero_point == stacked;
}

// For an element of `codes`, the element of the zero point.
size_t zero_point_index(int64_t element, const Shape& codes, const Tensor& zero_point, ZeroPointOrder order) {
  if (zero_point.size() == 1) return 0;
  if (order == ZeroPointOrder::leading_axis)
    return static_cast<size_t>(element / (element_count(codes) / codes[0]));
  const int64_t columns = codes.back(), rows = codes[codes.size() - 2];
  const int64_t row = element / columns % rows, column = element % columns,
                matrix = element / (rows * columns);
  const int64_t line = order == ZeroPointOrder::rows ? row : column;
  const int64_t lines = order == ZeroPointOrder::rows ? rows : columns;
  return static_cast<size_t>(zero_point.rank() == 1 ? line : matrix * lines + line);
}

}  // namespace

ParameterLayout ParameterLayout::of(const Shape& values, const Shape& parameters, int64_t axis,
                                    int64_t block_size) {
  const auto misfit = [&](std::string_view why) {
    return Error("", fmt::format("the scale {} does not fit the values {}: {}", to_text(parameters),
                                 to_text(values), why));
  };
  ParameterLayout layout;
  layout.parameters = element_count(parameters);
  layout.inner = element_count(values);
  constexpr int64_t kLargestBlock = int64_t{1} << 40;
  if (block_size < 0 || block_size > kLargestBlock)
    throw Error("", fmt::format("block_size is {}", block_size));
  if (layout.parameters == 1 && block_size == 0) return layout;
  const size_t at = normalized_axis(axis, values.size());
  layout.count = values[at];
  layout.outer = element_count(Shape(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at)));
  layout.inner = element_count(Shape(values.begin() + static_cast<std::ptrdiff_t>(at) + 1, values.end()));
  if (block_size == 0) {
    if (parameters.size() != 1 || parameters[0] != layout.count)
      throw misfit(fmt::format("wanted one number or {}", layout.count));
    return layout;
  }
  layout.per_position = true;
  layout.block = block_size;
  Shape wanted = values;
  wanted[at] = (layout.count + block_size - 1) / block_size;
  if (parameters != wanted)
    throw misfit(fmt::format("blocks of {} along dimension {} ask for {}", block_size, at, to_text(wanted)));
  return layout;
}

ScaleAttributes::ScaleAttributes(const Attributes& attributes)
    : axis(attributes.integer("axis", 1)),
      block_size(attributes.integer("block_size", 0)),
      output_dtype(attributes.integer("output_dtype", 0)) {
  if (output_dtype != 0) type_of_onnx(output_dtype);
}

Attributes ScaleAttributes::attributes() const {
  Attributes attributes{{"axis", axis}};
  if (block_size != 0) attributes.set("block_size", block_size);
  if (output_dtype != 0) attributes.set("output_dtype", output_dtype);
  return attributes;
}

void ScaleAttributes::check(const ValueInfo& values, const ValueInfo& scale, const ValueInfo* zero_point,
                            std::string_view zero_point_name) const {
  if (scale.shape) require_shape(zero_point, zero_point_name, *scale.shape);
  if (values.shape && scale.shape) layout(*values.shape, *scale.shape);
}

void require_zero_point(const ValueInfo& codes, const ValueInfo* zero_point, std::string_view name,
                        ZeroPointOrder order) {
  if (zero_point == nullptr) return;
  require_type(*zero_point, name, {codes.type});
  if (!zero_point->shape || !codes.shape) return;
  const Shape& shape = *zero_point->shape;
  if (element_count(shape) == 1) return;
  bool fits = false;
  if (order == ZeroPointOrder::leading_axis)
    fits = !codes.shape->empty() && shape == Shape{codes.shape->front()};
  else if (order != ZeroPointOrder::whole)
    fits = is_per_line(*codes.shape, shape, order);
  if (!fits)
    throw Error("", fmt::format("the input {} {} does not fit the codes {}", name, to_text(shape),
                                to_text(*codes.shape)));
}

Tensor centered(const Tensor& codes, const Tensor* zero_point, ZeroPointOrder order) {
  Tensor result(DataType::int16, codes.shape());
  const Tensor zeros =
      zero_point == nullptr ? Tensor::scalar<int32_t>(0) : zero_point->converted(DataType::int32);
  const std::span<const int32_t> zero = zeros.values<int32_t>();
  const std::span<int16_t> out = result.values<int16_t>();
  const auto center = [&]<class T>(std::span<const T> in) {
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t at =
          zeros.size() == 1 ? 0 : zero_point_index(static_cast<int64_t>(i), codes.shape(), zeros, order);
      out[i] = static_cast<int16_t>(static_cast<int32_t>(in[i]) - zero[at]);
    }
  };
  if (codes.type() == DataType::int8)
    center(codes.values<int8_t>());
  else
    center(codes.values<uint8_t>());
  return result;
}

void require_single(const ValueInfo& info, std::string_view name) {
  if (info.shape && element_count(*info.shape) != 1) {
    throw Error("",
                fmt::format("the input {} has the shape {}, wanted one number", name, to_text(*info.shape)));
  }
}

Tensor wrapped_to_int32(const Tensor& sums) {
  Tensor result(DataType::int32, sums.shape());
  const auto in = sums.values<int64_t>();
  std::transform(in.begin(), in.end(), result.values<int32_t>().begin(),
                 [](int64_t sum) { return static_cast<int32_t>(sum); });
  return result;
}

std::vector<double> numbers_of(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float64);
  return {wide.values<double>().begin(), wide.values<double>().end()};
}

DataType type_of_onnx(int64_t number) {
  for (const auto& [known, type] : kOnnxTypes) {
    if (known == number) return type;
  }
  throw Error("", fmt::format("the element type number {} of ONNX is not supported", number));
}

int64_t onnx_of_type(DataType type) {
  for (const auto& [number, known] : kOnnxTypes) {
    if (known == type) return number;
  }
  check_failed("data type", __FILE__, __LINE__);
}

}  // namespace deltahop
