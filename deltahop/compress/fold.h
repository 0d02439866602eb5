// SPDX-License-Identifier: Apache-2.0
// Graph passes that leave the function unchanged but give integers less to do.
#pragma once

#include "deltahop/network/network.h"

namespace deltahop {

// Batch normalisation that follows a Conv, Gemm or MatMul with constant weights goes into these weights and
// biases, and so do Add, Sub, Mul and Div with a constant per channel directly behind, and the factors of
// Gemm; a MatMul that gets a bias becomes a Gemm. Dropout and Identity vanish. Nodes that multiply by weights
// keep their names; the value that the fused node makes keeps the name of the last one. Shapes should be
// bound: what is unknown stays as it is.
Network folded(const Network& network);

}  // namespace deltahop
