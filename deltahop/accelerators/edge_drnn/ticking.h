// SPDX-License-Identifier: Apache-2.0
// EdgeDRNN cycle by cycle: the delta encoder scans one element a cycle into FIFOs, the weight port asks for a
// column for each index, the processing elements take a beat a cycle, then the activation phase. Carries the
// data as well, so that the same run gives the output.
#pragma once

#include <vector>

#include "deltahop/accelerators/edge_drnn/schedule.h"

namespace deltahop::edge_drnn {

// As schedule(). `outputs`, where given, becomes the layers' outputs [T, H], computed from the weights;
// otherwise the traces' outputs are taken and no weight is looked at.
std::vector<LayerEvents> tick(const EdgeDrnnConfig& chip, std::span<const RecurrentTrace* const> traces,
                              const WeightFeed& feed, std::vector<Tensor>* outputs);

}  // namespace deltahop::edge_drnn
