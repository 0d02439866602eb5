// SPDX-License-Identifier: Apache-2.0
// What EdgeDRNN's limits say of a network: which layers it takes, by name, and what it should be warned of.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deltahop/accelerators/edge_drnn/edge_drnn_config.h"

namespace deltahop::edge_drnn {

using LayerList = std::span<const std::shared_ptr<const IntegerDeltaGruLayer>>;

// Why the chip cannot run these layers one behind the other; "" where it can.
std::string refusal_of(const EdgeDrnnConfig& chip, LayerList layers);
// Throws Error with that reason.
void require_stack(const EdgeDrnnConfig& chip, LayerList layers);
// Sums that could leave the register for the largest inputs that there are, and padded sizes: a line each.
std::vector<std::string> warnings_of(const EdgeDrnnConfig& chip, LayerList layers);

}  // namespace deltahop::edge_drnn
