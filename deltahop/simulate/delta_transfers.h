// SPDX-License-Identifier: Apache-2.0
// The weight columns that a delta network really reads from memory, in order: what a recurrent trace becomes
// on its way to a DRAM.
#pragma once

#include <span>
#include <vector>

#include "deltahop/network/integer_delta_gru.h"
#include "deltahop/simulate/dram_stream.h"

namespace deltahop {

// Layers that follow one another in every step; in each the bias column once, then the columns of the inputs
// and of the outputs that were sent. In memory layer behind layer: bias, inputs, units, a column 3H weights
// without gaps.
std::vector<DramTransfer> delta_transfers(std::span<const RecurrentTrace* const> traces);

}  // namespace deltahop
