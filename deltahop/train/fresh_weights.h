// SPDX-License-Identifier: Apache-2.0
// Weights to begin with, by the seed: He before rectifiers, Glorot elsewhere, orthogonal for recurrent
// weights, zero biases, ones for scales. Private to train/.
#pragma once

#include <cstdint>

#include "deltahop/network/network.h"
#include "deltahop/train/graph.h"

namespace deltahop {

// For the parameter that stands at this input of this node; the same numbers on every platform but for the
// last bits of the orthogonal ones. shape: of the parameter.
torch::Tensor fresh_weights(const Network& network, const Node& node, size_t input, ForwardHooks::Role role,
                            const Shape& shape, uint64_t seed);

}  // namespace deltahop
