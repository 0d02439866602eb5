// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/convert.h"

#include <algorithm>

namespace deltahop {

torch::Tensor to_torch(const Tensor& tensor, torch::Dtype type) {
  const Tensor wide = tensor.converted(DataType::float64);
  torch::Tensor result = torch::empty(tensor.shape(), torch::kFloat64);
  std::copy(wide.values<double>().begin(), wide.values<double>().end(), result.data_ptr<double>());
  return result.to(type);
}

Tensor from_torch(const torch::Tensor& tensor, DataType type) {
  const torch::Tensor wide = tensor.detach().to(torch::kFloat64).contiguous();
  Tensor result(DataType::float64, wide.sizes().vec());
  std::copy_n(wide.data_ptr<double>(), result.size(), result.values<double>().begin());
  return result.converted(type);
}

}  // namespace deltahop
