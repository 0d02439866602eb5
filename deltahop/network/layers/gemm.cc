// SPDX-License-Identifier: Apache-2.0
// Gemm: Y [M, N] = alpha * A' * B' + beta * C, where A' [M, K] and B' [K, N] may lie transposed in memory and
// C broadcasts to Y. Nothing is copied before the product: one row against a large B reads B once, and that
// is the whole time.
#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/matrix_product.h"

namespace deltahop {
namespace {

// Steps through C [.., ..] for each row and column of Y.
struct Broadcast {
  int64_t row_step = 0, column_step = 0;

  static Broadcast of(const Shape& c, int64_t rows, int64_t columns) {
    const int64_t c_columns = c.empty() ? 1 : c.back();
    const int64_t c_rows = c.size() < 2 ? 1 : c[0];
    if (c.size() > 2 || (c_columns != 1 && c_columns != columns) || (c_rows != 1 && c_rows != rows)) {
      throw Error("", fmt::format("C {} does not broadcast to {}x{}", to_text(c), rows, columns));
    }
    return {c_rows == 1 ? 0 : c_columns, c_columns == 1 ? 0 : 1};
  }
};

template <class T>
void scale_and_add(std::span<T> y, int64_t columns, T alpha, T beta, const Tensor* c) {
  if (alpha != T{1}) {
    for (T& value : y) value *= alpha;
  }
  if (c == nullptr || columns == 0) return;
  const int64_t rows = static_cast<int64_t>(y.size()) / columns;
  const Broadcast step = Broadcast::of(c->shape(), rows, columns);
  const std::span<const T> addend = c->values<T>();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      y[static_cast<size_t>(row * columns + column)] +=
          beta * addend[static_cast<size_t>(row * step.row_step + column * step.column_step)];
    }
  }
}

class Gemm final : public Layer {
 public:
  explicit Gemm(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    alpha_ = attributes.number("alpha", 1.0f);
    beta_ = attributes.number("beta", 1.0f);
    transpose_a_ = attributes.integer("transA", 0) != 0;
    transpose_b_ = attributes.integer("transB", 0) != 0;
    attributes.integer("broadcast", 0);  // opset 6: says that C may broadcast, which we allow anyway
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Gemm"; }
  Attributes attributes() const override {
    return {{"alpha", alpha_},
            {"beta", beta_},
            {"transA", int64_t{transpose_a_}},
            {"transB", int64_t{transpose_b_}}};
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    const ValueInfo* c = optional_info(inputs, 2);
    require_type(a, "A", kFloatingTypes);
    require_type(b, "B", {a.type});
    if (c != nullptr) require_type(*c, "C", {a.type});
    if (!a.shape || !b.shape) return {{a.type, std::nullopt, nullptr}};
    const MatrixProduct product = product_of(*a.shape, *b.shape);
    if (c != nullptr && c->shape) Broadcast::of(*c->shape, product.rows, product.columns);
    return {{a.type, Shape{product.rows, product.columns}, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type(), computed = computing_type(type);
    const MatrixProduct product = product_of(inputs[0]->shape(), inputs[1]->shape());
    const AsType a(*inputs[0], computed), b(*inputs[1], computed);
    const Tensor* c = optional_input(inputs, 2);
    std::optional<AsType> addend;
    if (c != nullptr) c = &addend.emplace(*c, computed).get();
    Tensor y(computed, {product.rows, product.columns});
    if (computed == DataType::float32) {
      multiply(product, a.get().values<float>(), b.get().values<float>(), y.values<float>(), options.threads);
      scale_and_add<float>(y.values<float>(), product.columns, alpha_, beta_, c);
    } else {
      multiply_plain<double, double>(product, a.get().values<double>(), b.get().values<double>(),
                                     y.values<double>(), options.threads);
      scale_and_add<double>(y.values<double>(), product.columns, alpha_, beta_, c);
    }
    return one(as_type(std::move(y), type));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    if (b.constant == nullptr || !a.shape || !b.shape) return std::nullopt;
    const MatrixProduct product = product_of(*a.shape, *b.shape);
    return product_workload(product.rows, product.inner, product.columns, 16);
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions& options) const override {
    if (alpha_ != 1.0f || beta_ != 1.0f) return std::nullopt;
    const Tensor& a = *inputs[0].codes;
    const Tensor& b = *inputs[1].codes;
    const MatrixProduct product = product_of(a.shape(), b.shape());
    Tensor sums(DataType::int64, {product.rows, product.columns});
    multiply_codes(product, a.values<int16_t>(), b.values<int16_t>(), sums.values<int64_t>(),
                   options.threads);
    if (inputs.size() > 2 && inputs[2].codes != nullptr) {
      const AsType c(*inputs[2].codes, DataType::int64);
      scale_and_add<int64_t>(sums.values<int64_t>(), product.columns, 1, 1, &c.get());
    }
    return Accumulators{std::move(sums), inputs[0].fraction_bits + inputs[1].fraction_bits};
  }

 private:
  MatrixProduct product_of(const Shape& a, const Shape& b) const {
    if (a.size() != 2 || b.size() != 2) {
      throw Error("", fmt::format("A {} and B {} must be matrices", to_text(a), to_text(b)),
                  "MatMul takes stacks of matrices");
    }
    const MatrixProduct product{transpose_a_ ? a[1] : a[0], transpose_a_ ? a[0] : a[1],
                                transpose_b_ ? b[0] : b[1], transpose_a_, transpose_b_};
    if ((transpose_b_ ? b[1] : b[0]) != product.inner) {
      throw Error("",
                  fmt::format("A {}{} and B {}{} do not fit", to_text(a), transpose_a_ ? " transposed" : "",
                              to_text(b), transpose_b_ ? " transposed" : ""),
                  fmt::format("{} columns against {} rows", product.inner, transpose_b_ ? b[1] : b[0]));
    }
    require_countable_work(element_count({product.rows, product.columns}), product.inner);
    return product;
  }

  float alpha_ = 1.0f, beta_ = 1.0f;
  bool transpose_a_ = false, transpose_b_ = false;
};

}  // namespace

std::vector<LayerKind> describe_gemm() {
  return {{"Gemm", "alpha * A * B + beta * C: the fully connected layer", make_kind<Gemm>}};
}

}  // namespace deltahop
