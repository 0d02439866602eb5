// SPDX-License-Identifier: Apache-2.0
// From a network over whole sequences to the network of one time step, or the reason why there is none: a
// layer that runs backwards, or whose output at one time looks at other times. Nothing of this is listed
// operator by operator: what a layer makes of three time steps is compared with what it makes of each.
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct OneStep {
  Network network;           // every dimension a number, the time (where it has one) 1; numbers of its own
  bool is_sequence = false;  // cut out of a network that takes whole sequences
};
// With a batch of `streams`. Throws Error, the node as place, where a node cannot go step by step.
OneStep one_step_of(const Network& network, int64_t streams);

// The same graph with inputs of these shapes, whatever the file declares.
Network with_input_shapes(const Network& network, const std::vector<Shape>& shapes);

}  // namespace deltahop
