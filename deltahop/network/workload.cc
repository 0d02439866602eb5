// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/workload.h"

#include <fmt/format.h>

namespace deltahop {

std::string to_text(const Workload& workload) {
  const ConvolutionShape& shape = workload.shape;
  if (workload.kind == WorkloadKind::fully_connected)
    return fmt::format("fc {}->{}", shape.kernel_size(), shape.out_channels);
  if (workload.kind == WorkloadKind::matrix_product) {
    return fmt::format("matmul {}x{} * {}x{}", shape.out_rows, shape.in_channels, shape.in_channels,
                       shape.out_channels);
  }
  if (workload.kind == WorkloadKind::recurrent) {
    return fmt::format("recurrent {}->{}, {} step{}", shape.in_channels, shape.out_channels,
                       workload.time_steps, workload.time_steps == 1 ? "" : "s");
  }
  const bool depthwise = shape.groups > 1 && shape.groups == shape.in_channels;
  const std::string groups = shape.groups > 1 && !depthwise ? fmt::format(" in {} groups", shape.groups) : "";
  return fmt::format("{} {}x{}/{} {}->{}{}, {}x{}", depthwise ? "depthwise" : "conv", shape.kernel_rows,
                     shape.kernel_columns, shape.stride_rows, shape.in_channels, shape.out_channels, groups,
                     shape.out_rows, shape.out_columns);
}

}  // namespace deltahop
