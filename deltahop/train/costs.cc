// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/costs.h"

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

class ExecutedMacs : public torch::autograd::Function<ExecutedMacs> {
 public:
  static Variable forward(AutogradContext* context, const Variable& values, const torch::Tensor& macs,
                          double width) {
    context->saved_data["width"] = width;
    context->save_for_backward({values, macs});
    return (values.ne(0).to(values.scalar_type()) * macs).sum() / static_cast<double>(values.size(0));
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &values = saved[0], &macs = saved[1];
    const double width = context->saved_data["width"].toDouble();
    const torch::Tensor slope = values.sign() * values.abs().lt(width) * macs;
    return {gradients[0] * slope / (width * static_cast<double>(values.size(0))), Variable(), Variable()};
  }
};

// How many windows read each position of one axis.
torch::Tensor readers_of(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                         int64_t pad) {
  torch::Tensor counts = torch::zeros({in}, torch::kFloat64);
  double* const count = counts.data_ptr<double>();
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t at = o * stride - pad + k * dilation;
      if (at >= 0 && at < in) count[at] += 1;
    }
  }
  return counts;
}

}  // namespace

torch::Tensor activation_cost(const torch::Tensor& values) { return values.abs().mean(); }

torch::Tensor macs_of_values(const ConvolutionShape& shape, torch::Dtype type) {
  const torch::Tensor rows = readers_of(shape.in_rows, shape.out_rows, shape.kernel_rows, shape.stride_rows,
                                        shape.dilation_rows, shape.pad_top);
  const torch::Tensor columns = readers_of(shape.in_columns, shape.out_columns, shape.kernel_columns,
                                           shape.stride_columns, shape.dilation_columns, shape.pad_left);
  const torch::Tensor map = torch::outer(rows, columns) * static_cast<double>(shape.out_channels_per_group());
  return map.expand({1, shape.in_channels, shape.in_rows, shape.in_columns}).contiguous().to(type);
}

torch::Tensor executed_macs(const torch::Tensor& values, const torch::Tensor& macs, double width) {
  DELTAHOP_CHECK(values.numel() / values.size(0) == macs.numel());
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = 1;
  return ExecutedMacs::apply(values, macs.view(shape), width);
}

}  // namespace deltahop
