// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/layer_plan.h"

#include <string_view>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

void check_size(const LayerTrace& trace, std::string_view what, const Tensor* tensor, int64_t elements) {
  if (tensor == nullptr || tensor->size() == elements) return;
  throw Error(trace.name,
              fmt::format("the trace's {} has {} elements, the workload {}", what, tensor->size(), elements));
}

}  // namespace

std::string pooling_text(const Pooling& pooling) {
  return fmt::format("{}x{}/{} {} pooling", pooling.rows, pooling.columns, pooling.stride_rows,
                     pooling.kind == Pooling::Kind::max ? "max" : "average");
}

void check_operands(const LayerTrace& trace, const ConvolutionShape& shape, std::optional<int64_t> outputs) {
  check_size(trace, "input", trace.input, shape.batch * shape.in_channels * shape.in_rows * shape.in_columns);
  check_size(trace, "weights", trace.weights, shape.out_channels * shape.kernel_size());
  check_size(trace, "bias", trace.bias, shape.out_channels);
  if (outputs) check_size(trace, "output", trace.output, *outputs);
}

}  // namespace deltahop
