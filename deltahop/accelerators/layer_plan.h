// SPDX-License-Identifier: Apache-2.0
// What the plans of chips for convolutions share: words for what is left to the host, and the sizes of a
// trace's operands.
#pragma once

#include <optional>
#include <string>

#include "deltahop/network/trace.h"

namespace deltahop {

std::string pooling_text(const Pooling& pooling);  // "2x2/2 max pooling"

// Throws Error (place: the trace's name) where an operand that is there has another number of elements than
// the workload. `outputs`: as the chip stores them; absent: not to be compared.
void check_operands(const LayerTrace& trace, const ConvolutionShape& shape, std::optional<int64_t> outputs);

}  // namespace deltahop
