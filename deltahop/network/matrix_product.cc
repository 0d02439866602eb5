// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/matrix_product.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

// Leading dimensions of both, broadcast as numpy does.
Shape broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t in_a = i < a.size() ? a[a.size() - 1 - i] : 1,
                  in_b = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (in_a != in_b && in_a != 1 && in_b != 1) {
      throw Error("", fmt::format("the stacks {} and {} do not broadcast", to_text(a), to_text(b)));
    }
    result[result.size() - 1 - i] = in_a == 1 ? in_b : in_a;
  }
  return result;
}

// For every position of `stack`, the place in an operand whose leading dimensions are `own`.
std::vector<int64_t> places(const Shape& own, const Shape& stack) {
  const std::vector<int64_t> own_strides = strides_of(own);
  const std::vector<int64_t> stack_strides = strides_of(stack);
  const size_t missing = stack.size() - own.size();
  std::vector<int64_t> result(static_cast<size_t>(element_count(stack)), 0);
  for (size_t position = 0; position < result.size(); ++position) {
    for (size_t axis = 0; axis < own.size(); ++axis) {
      if (own[axis] == 1) continue;
      const int64_t at =
          static_cast<int64_t>(position) / stack_strides[missing + axis] % stack[missing + axis];
      result[position] += at * own_strides[axis];
    }
  }
  return result;
}

}  // namespace

ProductStack ProductStack::of(const Shape& a, const Shape& b) {
  if (a.empty() || b.empty()) throw Error("", "a scalar has no matrix product", "use Mul");
  const Shape wide_a = a.size() == 1 ? Shape{1, a[0]} : a;
  const Shape wide_b = b.size() == 1 ? Shape{b[0], 1} : b;
  ProductStack stack;
  stack.rows = wide_a[wide_a.size() - 2];
  stack.inner = wide_a.back();
  stack.columns = wide_b.back();
  if (wide_b[wide_b.size() - 2] != stack.inner) {
    throw Error("", fmt::format("the matrices {} and {} do not fit", to_text(a), to_text(b)),
                fmt::format("{} columns against {} rows", stack.inner, wide_b[wide_b.size() - 2]));
  }
  stack.lead_a.assign(wide_a.begin(), wide_a.end() - 2);
  stack.lead_b.assign(wide_b.begin(), wide_b.end() - 2);
  stack.lead = stack.output_shape = broadcast(stack.lead_a, stack.lead_b);
  if (stack.lead_b.empty()) {
    stack.rows *= element_count(stack.lead_a);
    stack.lead_a.clear();
    stack.lead.clear();
  }
  if (a.size() > 1) stack.output_shape.push_back(wide_a[wide_a.size() - 2]);
  if (b.size() > 1) stack.output_shape.push_back(stack.columns);
  require_countable_work(element_count(stack.output_shape), stack.inner);
  return stack;
}

std::vector<int64_t> ProductStack::matrices_of_a() const { return places(lead_a, lead); }
std::vector<int64_t> ProductStack::matrices_of_b() const { return places(lead_b, lead); }

void multiply_codes(const MatrixProduct& product, std::span<const int16_t> a, std::span<const int16_t> b,
                    std::span<int64_t> sums, int threads) {
  const std::vector<int16_t> own_a =
      product.transpose_a ? transposed(a, product.inner, product.rows) : std::vector<int16_t>();
  const std::vector<int16_t> own_b =
      product.transpose_b ? std::vector<int16_t>() : transposed(b, product.inner, product.columns);
  ConvolutionShape shape;
  shape.batch = product.rows;
  shape.in_channels = product.inner;
  shape.out_channels = product.columns;
  const std::span<const int16_t> input = product.transpose_a ? std::span<const int16_t>(own_a) : a;
  const std::span<const int16_t> weights = product.transpose_b ? b : std::span<const int16_t>(own_b);
  convolve(shape, input, weights, std::span<const int64_t>(), sums, threads);
}

Workload product_workload(int64_t rows, int64_t inner, int64_t columns, int operand_bits) {
  Workload workload;
  workload.kind = rows == 1 ? WorkloadKind::fully_connected : WorkloadKind::matrix_product;
  workload.shape.in_channels = inner;
  workload.shape.out_channels = columns;
  workload.shape.in_rows = workload.shape.out_rows = rows;
  workload.operand_bits = operand_bits;
  return workload;
}

std::optional<Workload> product_workload(const ValueInfo& a, const ValueInfo& b, int operand_bits) {
  if (b.constant == nullptr || !a.shape || !b.shape || b.shape->size() != 2) return std::nullopt;
  const ProductStack stack = ProductStack::of(*a.shape, *b.shape);
  return product_workload(stack.rows, stack.inner, stack.columns, operand_bits);
}

}  // namespace deltahop
