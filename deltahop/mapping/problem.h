// SPDX-License-Identifier: Apache-2.0
// The loop nest that a mapping arranges: eight dimensions, three operands, and which dimension moves which
// operand. Dense; what zeros save is applied to the counts.
//   const Problem problem = problem_of(workload);      problem.bound(Dimension::out_row)
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "deltahop/network/workload.h"

namespace deltahop {

// N, G, K, C, P, Q, R, S. K and C are those of one group.
enum class Dimension : uint8_t {
  batch,
  group,
  out_channel,
  in_channel,
  out_row,
  out_column,
  kernel_row,
  kernel_column
};
inline constexpr size_t kDimensions = 8;
inline constexpr std::array<Dimension, kDimensions> kAllDimensions{
    Dimension::batch,   Dimension::group,      Dimension::out_channel, Dimension::in_channel,
    Dimension::out_row, Dimension::out_column, Dimension::kernel_row,  Dimension::kernel_column};
constexpr size_t index_of(Dimension dimension) { return static_cast<size_t>(dimension); }
char letter_of(Dimension dimension);  // 'N', 'G', ...

enum class Operand : uint8_t { weight, input, output };
inline constexpr size_t kOperands = 3;
inline constexpr std::array<Operand, kOperands> kAllOperands{Operand::weight, Operand::input,
                                                             Operand::output};
constexpr size_t index_of(Operand operand) { return static_cast<size_t>(operand); }
std::string_view name_of(Operand operand);  // "weights", "inputs", "outputs"

// Does another value of the dimension mean other elements of the operand? Irrelevant dimensions are where an
// operand is used again: N P Q for weights, K for inputs, C R S (the sum) for outputs.
constexpr bool is_relevant(Operand operand, Dimension dimension) {
  switch (dimension) {
    case Dimension::group:
      return true;
    case Dimension::batch:
    case Dimension::out_row:
    case Dimension::out_column:
      return operand != Operand::weight;
    case Dimension::out_channel:
      return operand != Operand::input;
    default:
      return operand != Operand::output;
  }
}

// One number a dimension.
using DimensionSizes = std::array<int64_t, kDimensions>;

struct Problem {
  DimensionSizes bounds{1, 1, 1, 1, 1, 1, 1, 1};
  int64_t stride_rows = 1, stride_columns = 1;
  int64_t dilation_rows = 1, dilation_columns = 1;

  int64_t bound(Dimension dimension) const { return bounds[index_of(dimension)]; }
  int64_t macs() const;
  // Elements of an operand; inputs with their padding, as a chip that stores padded maps sees them.
  int64_t elements(Operand operand) const;
  // Elements that a tile of these sizes needs. Inputs: the rectangle that the window covers.
  int64_t elements(Operand operand, const DimensionSizes& tile) const;
};

// Groups, stride and dilation are kept; a matrix product is a 1x1 convolution over its rows; time steps of a
// recurrent product are left out (they depend on each other, so they are no dimension to be mapped).
Problem problem_of(const Workload& workload);

// Rows of input under `outputs` output rows and `taps` kernel rows.
constexpr int64_t window_extent(int64_t outputs, int64_t taps, int64_t stride, int64_t dilation) {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

}  // namespace deltahop
