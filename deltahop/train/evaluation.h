// SPDX-License-Identifier: Apache-2.0
// How good a network is on examples: mean loss and accuracy, and what the constraints count on the way.
#pragma once

#include "deltahop/train/event.h"
#include "deltahop/train/hooks.h"

namespace deltahop {

// "loss", "accuracy" and the hooks' own metrics. Turns training off in the graph and leaves it so. 0
// examples: empty.
Metrics evaluated(TrainableGraph& graph, TrainingHooks& hooks, const Examples& examples,
                  const std::string& loss, int64_t batch);

// Runs the batch once more and names the first node that makes numbers which are not finite; "" where all
// are.
std::string first_unfinite_node(TrainableGraph& graph, const Examples& batch, ForwardHooks& hooks);

}  // namespace deltahop
