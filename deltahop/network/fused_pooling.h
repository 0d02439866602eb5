// SPDX-License-Identifier: Apache-2.0
// A pooling node as chips know it, fused behind the layer in front of it.
#pragma once

#include <optional>

#include "deltahop/network/network.h"

namespace deltahop {

// Over two axes, without dilation, padding of averages not counted. Absent where the node is none such.
std::optional<Pooling> pooling_of(const Network& network, const Node& node);

}  // namespace deltahop
