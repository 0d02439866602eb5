// SPDX-License-Identifier: Apache-2.0
// MatMul: numpy.matmul of two stacks of matrices. Integer sums wrap, as numpy's do.
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/matrix_product.h"

namespace deltahop {
namespace {

constexpr std::initializer_list<DataType> kTypes = {DataType::float32,  DataType::float64, DataType::float16,
                                                    DataType::bfloat16, DataType::int32,   DataType::int64,
                                                    DataType::uint32,   DataType::uint64};

template <class T>
void multiply_stack(const ProductStack& stack, const Tensor& a, const Tensor& b, Tensor& y, int threads) {
  const MatrixProduct product{stack.rows, stack.inner, stack.columns};
  const auto piece = [](auto values, int64_t index, int64_t size) {
    return values.subspan(static_cast<size_t>(index * size), static_cast<size_t>(size));
  };
  const std::vector<int64_t> of_a = stack.matrices_of_a(), of_b = stack.matrices_of_b();
  for (size_t i = 0; i < of_a.size(); ++i) {
    const std::span<const T> left = piece(a.values<T>(), of_a[i], stack.rows * stack.inner);
    const std::span<const T> right = piece(b.values<T>(), of_b[i], stack.inner * stack.columns);
    const std::span<T> out = piece(y.values<T>(), static_cast<int64_t>(i), stack.rows * stack.columns);
    if constexpr (std::is_same_v<T, float>) {
      multiply(product, left, right, out, threads);
    } else if constexpr (std::is_same_v<T, double>) {
      multiply_plain<double, double>(product, left, right, out, threads);
    } else {
      std::vector<uint64_t> sums(out.size());
      multiply_plain<T, uint64_t>(product, left, right, std::span<uint64_t>(sums), threads);
      for (size_t j = 0; j < sums.size(); ++j) out[j] = static_cast<T>(sums[j]);
    }
  }
}

class MatMul final : public Layer {
 public:
  explicit MatMul(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "MatMul"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    require_type(a, "A", kTypes);
    require_type(b, "B", {a.type});
    if (!a.shape || !b.shape) return {{a.type, std::nullopt, nullptr}};
    return {{a.type, ProductStack::of(*a.shape, *b.shape).output_shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type(), computed = computing_type(type);
    const AsType a(*inputs[0], computed), b(*inputs[1], computed);
    const ProductStack stack = ProductStack::of(a.get().shape(), b.get().shape());
    Tensor y(computed, stack.output_shape);
    dispatch(computed, [&]<class T>() {
      if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && sizeof(T) >= 4) {
        multiply_stack<T>(stack, a.get(), b.get(), y, options.threads);
      }
    });
    return one(as_type(std::move(y), type));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return product_workload(required(inputs, 0, "A"), required(inputs, 1, "B"), 16);
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions& options) const override {
    const Tensor& a = *inputs[0].codes;
    const Tensor& b = *inputs[1].codes;
    if (b.rank() != 2) return std::nullopt;
    const ProductStack stack = ProductStack::of(a.shape(), b.shape());
    Tensor sums(DataType::int64, stack.output_shape);
    multiply_codes({stack.rows, stack.inner, stack.columns}, a.values<int16_t>(), b.values<int16_t>(),
                   sums.values<int64_t>(), options.threads);
    return Accumulators{std::move(sums), inputs[0].fraction_bits + inputs[1].fraction_bits};
  }
};

}  // namespace

std::vector<LayerKind> describe_matmul() {
  return {{"MatMul", "product of stacks of matrices, as numpy.matmul", make_kind<MatMul>}};
}

}  // namespace deltahop
