// SPDX-License-Identifier: Apache-2.0
// A lower bound of a chip's area from the blocks that the technology knows: multipliers, accumulating adders,
// memories. Control, wires, clock tree and pads are not in it, so a published core is larger.
#pragma once

#include <string>
#include <vector>

#include "deltahop/base/units.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/hardware/technology.h"

namespace deltahop {

struct AreaShare {
  std::string name;  // "multipliers", "adders", a memory's name
  SquareMillimetres area;
};

// Empty where the technology gives no areas.
std::vector<AreaShare> area_of(const Architecture& chip, const Technology& technology);

}  // namespace deltahop
