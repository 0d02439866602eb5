// SPDX-License-Identifier: Apache-2.0
// Nodes that multiply by a constant matrix (MatMul, Gemm, a convolution of one position), and which of them
// belong to a recurrence that is written out in plain operators.
#pragma once

#include <optional>
#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/run/delta_engine.h"
#include "deltahop/run/state_loops.h"

namespace deltahop {

struct ConstantProduct {
  ProductWeights weights;
  int64_t samples = 1;  // vectors that one step multiplies
};
// Absent for other nodes. The value that is multiplied is the node's first input.
std::optional<ConstantProduct> constant_product_of(const Network& network, const Node& node);

enum class ProductRole : uint8_t {
  none,    // no product, or one outside of any recurrence
  input,   // added to a product of the hidden state
  hidden,  // multiplies a state of the step before
};
// By node of a one-step network: a state is what a loop brings in, however it is sliced and reshaped.
std::vector<ProductRole> product_roles(const Network& one_step, const std::vector<LoopIndices>& loops);

}  // namespace deltahop
