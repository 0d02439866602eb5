// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/problem.h"

namespace deltahop {

char letter_of(Dimension dimension) { return "NGKCPQRS"[index_of(dimension)]; }

std::string_view name_of(Operand operand) {
  switch (operand) {
    case Operand::weight:
      return "weights";
    case Operand::input:
      return "inputs";
    default:
      return "outputs";
  }
}

int64_t Problem::macs() const {
  int64_t product = 1;
  for (const int64_t bound : bounds) product *= bound;
  return product;
}

int64_t Problem::elements(Operand operand) const { return elements(operand, bounds); }

int64_t Problem::elements(Operand operand, const DimensionSizes& tile) const {
  const auto size = [&](Dimension dimension) { return tile[index_of(dimension)]; };
  const int64_t group = size(Dimension::group);
  switch (operand) {
    case Operand::weight:
      return group * size(Dimension::out_channel) * size(Dimension::in_channel) *
             size(Dimension::kernel_row) * size(Dimension::kernel_column);
    case Operand::input:
      return group * size(Dimension::batch) * size(Dimension::in_channel) *
             window_extent(size(Dimension::out_row), size(Dimension::kernel_row), stride_rows,
                           dilation_rows) *
             window_extent(size(Dimension::out_column), size(Dimension::kernel_column), stride_columns,
                           dilation_columns);
    default:
      return group * size(Dimension::batch) * size(Dimension::out_channel) * size(Dimension::out_row) *
             size(Dimension::out_column);
  }
}

Problem problem_of(const Workload& workload) {
  const ConvolutionShape& shape = workload.shape;
  return {.bounds = {shape.batch, shape.groups, shape.out_channels_per_group(), shape.in_channels_per_group(),
                     shape.out_rows, shape.out_columns, shape.kernel_rows, shape.kernel_columns},
          .stride_rows = shape.stride_rows,
          .stride_columns = shape.stride_columns,
          .dilation_rows = shape.dilation_rows,
          .dilation_columns = shape.dilation_columns};
}

}  // namespace deltahop
