// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/branch.h"

#include <algorithm>

namespace deltahop {

std::vector<ValueInfo> IfLayer::infer(InferInputs) const {
  return std::vector<ValueInfo>(std::max(then_.graph.outputs().size(), else_.graph.outputs().size()));
}

std::vector<Tensor> IfLayer::forward(TensorInputs, const ForwardOptions&) const {
  throw Error("", "which branch it takes is not known", "bind the network's input shapes");
}

}  // namespace deltahop
