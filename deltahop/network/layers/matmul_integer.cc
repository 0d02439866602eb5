// SPDX-License-Identifier: Apache-2.0
// MatMulInteger: product of 8-bit codes less their zero points, exact, int32. QLinearMatMul: the same with
// the sums rescaled to 8-bit codes; A may have scale and zero point a row, B a column.
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/matrix_product.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

constexpr std::initializer_list<DataType> kCodes = {DataType::uint8, DataType::int8};

// The exact sums of a stack of products of centred codes.
Tensor multiply_centered(const ProductStack& stack, const Tensor& a, const Tensor& b, int threads) {
  Tensor sums(DataType::int64, stack.output_shape);
  const std::vector<int64_t> of_a = stack.matrices_of_a(), of_b = stack.matrices_of_b();
  const auto piece = [](auto values, int64_t index, int64_t size) {
    return values.subspan(static_cast<size_t>(index * size), static_cast<size_t>(size));
  };
  for (size_t i = 0; i < of_a.size(); ++i) {
    multiply_codes({stack.rows, stack.inner, stack.columns},
                   piece(a.values<int16_t>(), of_a[i], stack.rows * stack.inner),
                   piece(b.values<int16_t>(), of_b[i], stack.inner * stack.columns),
                   piece(sums.values<int64_t>(), static_cast<int64_t>(i), stack.rows * stack.columns),
                   threads);
  }
  return sums;
}

class MatMulInteger final : public Layer {
 public:
  explicit MatMulInteger(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "MatMulInteger"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 4);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    require_type(a, "A", kCodes);
    require_type(b, "B", kCodes);
    require_zero_point(a, optional_info(inputs, 2), "a_zero_point", ZeroPointOrder::rows);
    require_zero_point(b, optional_info(inputs, 3), "b_zero_point", ZeroPointOrder::columns);
    if (!a.shape || !b.shape) return {{DataType::int32, std::nullopt, nullptr}};
    return {{DataType::int32, ProductStack::of(*a.shape, *b.shape).output_shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const Tensor a = centered(*inputs[0], optional_input(inputs, 2), ZeroPointOrder::rows);
    const Tensor b = centered(*inputs[1], optional_input(inputs, 3), ZeroPointOrder::columns);
    return one(
        wrapped_to_int32(multiply_centered(ProductStack::of(a.shape(), b.shape()), a, b, options.threads)));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return product_workload(required(inputs, 0, "A"), required(inputs, 1, "B"), 8);
  }
};

class QLinearMatMul final : public Layer {
 public:
  explicit QLinearMatMul(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "QLinearMatMul"; }
  Attributes attributes() const override { return {}; }

  // a, scale, zero point; b, scale, zero point; scale and zero point of y.
  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 8, 8);
    const ValueInfo& a = required(inputs, 0, "a");
    const ValueInfo& b = required(inputs, 3, "b");
    const ValueInfo& y_zero_point = required(inputs, 7, "y_zero_point");
    for (const ValueInfo* codes : {&a, &b, &y_zero_point}) require_type(*codes, "codes", kCodes);
    for (const size_t scale : {1, 4, 6})
      require_type(required(inputs, scale, "scale"), "scale", kFloatingTypes);
    require_zero_point(a, &required(inputs, 2, "a_zero_point"), "a_zero_point", ZeroPointOrder::rows);
    require_zero_point(b, &required(inputs, 5, "b_zero_point"), "b_zero_point", ZeroPointOrder::columns);
    require_scale_like(inputs[1]->shape, inputs[2]->shape);
    require_scale_like(inputs[4]->shape, inputs[5]->shape);
    require_single(*inputs[6], "y_scale");
    require_single(y_zero_point, "y_zero_point");
    if (!a.shape || !b.shape) return {{y_zero_point.type, std::nullopt, nullptr}};
    return {{y_zero_point.type, ProductStack::of(*a.shape, *b.shape).output_shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    const DataType type = infer(infos_of(inputs))[0].type;
    const Tensor a = centered(*inputs[0], inputs[2], ZeroPointOrder::rows);
    const Tensor b = centered(*inputs[3], inputs[5], ZeroPointOrder::columns);
    const ProductStack stack = ProductStack::of(a.shape(), b.shape());
    const Tensor sums = multiply_centered(stack, a, b, options.threads);
    const std::vector<double> a_scales = numbers_of(*inputs[1]), b_scales = numbers_of(*inputs[4]);
    const double y_scale = numbers_of(*inputs[6])[0];
    const int64_t rows = a.rank() > 1 ? a.dim(a.rank() - 2) : 1;
    const std::vector<int64_t> of_a = stack.matrices_of_a(), of_b = stack.matrices_of_b();
    const auto factor_at = [&](int64_t i) {
      const int64_t column = i % stack.columns, row = i / stack.columns % stack.rows;
      const size_t matrix = static_cast<size_t>(i / stack.columns / stack.rows);
      const int64_t in_a = inputs[1]->rank() > 1 ? of_a[matrix] * stack.rows + row : row % rows;
      const int64_t in_b = inputs[4]->rank() > 1 ? of_b[matrix] * stack.columns + column : column;
      return a_scales[a_scales.size() == 1 ? 0 : static_cast<size_t>(in_a)] *
             b_scales[b_scales.size() == 1 ? 0 : static_cast<size_t>(in_b)] / y_scale;
    };
    return one(requantized(sums, type, factor_at, static_cast<int64_t>(numbers_of(*inputs[7])[0])));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return product_workload(required(inputs, 0, "a"), required(inputs, 3, "b"), 8);
  }

 private:
  static void require_scale_like(const std::optional<Shape>& scale, const std::optional<Shape>& zero_point) {
    if (!scale || !zero_point || *scale == *zero_point ||
        (element_count(*scale) == 1 && element_count(*zero_point) == 1))
      return;
    throw Error("", "the scale " + to_text(*scale) + " and the zero point " + to_text(*zero_point) +
                        " have different shapes");
  }
};

}  // namespace

std::vector<LayerKind> describe_matmul_integer() {
  return {{"MatMulInteger", "product of 8-bit codes, 32-bit sums", make_kind<MatMulInteger>},
          {"QLinearMatMul", "product of 8-bit codes to 8-bit codes", make_kind<QLinearMatMul>}};
}

}  // namespace deltahop
