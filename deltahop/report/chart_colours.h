// SPDX-License-Identifier: Apache-2.0
// Indices into the page's palette: the same thing has the same colour in every chart.
#pragma once

#include <string>

#include "deltahop/simulate/stats.h"

namespace deltahop {

int kind_colour(DataKind kind);
int level_colour(const std::string& level);
// No chip has all phases: those that never stand side by side share a colour.
int phase_colour(Phase phase);
// Of a part of the energy: a kind of data by name, or "arithmetic".
int data_colour(const std::string& name);

}  // namespace deltahop
