// SPDX-License-Identifier: Apache-2.0
// From what happened in a layer to counts of operations and bits.
#pragma once

#include "deltahop/accelerators/edge_drnn/schedule.h"
#include "deltahop/simulate/stats.h"

namespace deltahop::edge_drnn {

// is_first, is_last: of the network, whose inputs come from outside and whose outputs leave.
Stats book_layer(const EdgeDrnnConfig& chip, const LayerPlace& place, const IntegerDeltaGruLayer& layer,
                 const LayerEvents& events, bool is_first, bool is_last);

}  // namespace deltahop::edge_drnn
