// SPDX-License-Identifier: Apache-2.0
// Which outputs of a one-step network are its inputs of the next step: said by the user, or given away by
// names (h0 and hn, state_in and state_out) or by shapes.
#pragma once

#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/run/session.h"

namespace deltahop {

struct LoopIndices {
  size_t input = 0, output = 0;  // into the network's inputs and outputs
};

// Throws Error on a name that is not there and on sizes or types that differ. Without names, the first input
// is never taken for a state, and shapes only decide where one input and one output are left that share them.
std::vector<LoopIndices> find_loops(const Network& one_step, const std::vector<StateLoop>& given, bool find);

}  // namespace deltahop
