// SPDX-License-Identifier: Apache-2.0
// What all matrix product layers share: numpy's rules for stacks of matrices, and products in the number
// types that the kernels do not have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "deltahop/base/parallel.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/layer.h"

namespace deltahop {

// A stack of products [rows, inner] x [inner, columns].
struct ProductStack {
  int64_t rows = 1, inner = 1, columns = 1;
  Shape lead_a, lead_b, lead;  // the leading dimensions of A, of B, and of the stack
  Shape output_shape;

  // numpy.matmul: one-dimensional operands are a row or a column, leading dimensions broadcast. One matrix B
  // under a stack of A is one product with many rows. Throws Error where the shapes do not fit.
  static ProductStack of(const Shape& a, const Shape& b);

  // For every product of the stack, in the order of the output, which matrix of A and of B it takes.
  std::vector<int64_t> matrices_of_a() const;
  std::vector<int64_t> matrices_of_b() const;
};

// One product in plain loops, split over threads by rows. Integers are passed as unsigned sums, so that they
// wrap.
template <class In, class Sum>
void multiply_plain(const MatrixProduct& product, std::span<const In> a, std::span<const In> b,
                    std::span<Sum> c, int threads) {
  constexpr int64_t kSmallestWork = 1 << 15;  // products worth a thread of their own
  const int64_t a_row = product.transpose_a ? 1 : product.inner,
                a_inner = product.transpose_a ? product.rows : 1;
  const int64_t b_inner = product.transpose_b ? 1 : product.columns,
                b_column = product.transpose_b ? product.inner : 1;
  parallel_for(
      threads, product.rows,
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          for (int64_t j = 0; j < product.columns; ++j) {
            Sum sum{};
            for (int64_t k = 0; k < product.inner; ++k) {
              sum += static_cast<Sum>(a[static_cast<size_t>(i * a_row + k * a_inner)]) *
                     static_cast<Sum>(b[static_cast<size_t>(k * b_inner + j * b_column)]);
            }
            c[static_cast<size_t>(i * product.columns + j)] = sum;
          }
        }
      },
      std::max<int64_t>(1, kSmallestWork / std::max<int64_t>(1, product.inner * product.columns)));
}

// Exact sums of 16-bit codes: sums[rows, columns]. Transposed operands are copied once, except B as [columns,
// inner].
void multiply_codes(const MatrixProduct& product, std::span<const int16_t> a, std::span<const int16_t> b,
                    std::span<int64_t> sums, int threads);

// [rows, columns] turned into [columns, rows].
template <class T>
std::vector<T> transposed(std::span<const T> matrix, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 32;  // both sides of a tile stay in the first cache
  std::vector<T> result(matrix.size());
  for (int64_t row_tile = 0; row_tile < rows; row_tile += kTile) {
    for (int64_t column_tile = 0; column_tile < columns; column_tile += kTile) {
      const int64_t row_end = std::min(row_tile + kTile, rows),
                    column_end = std::min(column_tile + kTile, columns);
      for (int64_t row = row_tile; row < row_end; ++row) {
        for (int64_t column = column_tile; column < column_end; ++column) {
          result[static_cast<size_t>(column * rows + row)] =
              matrix[static_cast<size_t>(row * columns + column)];
        }
      }
    }
  }
  return result;
}

// One row is a fully connected layer, more are a matrix product.
Workload product_workload(int64_t rows, int64_t inner, int64_t columns, int operand_bits);
// For A times a constant matrix B [inner, columns], where the shapes are known.
std::optional<Workload> product_workload(const ValueInfo& a, const ValueInfo& b, int operand_bits);

}  // namespace deltahop
