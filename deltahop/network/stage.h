// SPDX-License-Identifier: Apache-2.0
// A network cut into stages: a node that multiplies, together with the ReLU and the pooling that directly
// follow it and that nobody else reads, is one stage, because a chip does them in one pass; any other node is
// a stage of its own.
#pragma once

#include <optional>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct Stage {
  std::vector<size_t> nodes;              // indices into Network::nodes(), in order; never empty
  std::optional<FusedWorkload> workload;  // present where the first node multiplies
  ValueId input = kNoValue;               // of the first node
  ValueId output = kNoValue;              // of the last node
};

// Stages in the order of their first nodes; constant nodes are left out. Shapes must be bound.
std::vector<Stage> find_stages(const Network& network);

}  // namespace deltahop
