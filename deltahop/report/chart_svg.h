// SPDX-License-Identifier: Apache-2.0
// Charts as one SVG picture, for documents: lines for points, grouped bars for all other kinds. No script, no
// fonts of its own, white ground, so that it looks the same everywhere.
#pragma once

#include <string>
#include <vector>

#include "deltahop/report/chart.h"

namespace deltahop {

// One below the other. Values that are absent or not finite are left out.
std::string charts_svg(const std::vector<Chart>& charts);

}  // namespace deltahop
