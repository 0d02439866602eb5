// SPDX-License-Identifier: Apache-2.0
// A mapping as a picture for the HTML report: each storage level with the loops that walk it and how full its
// tiles make it, and the elements of the array that work.
#pragma once

#include <string>

#include "deltahop/mapping/mapping.h"

namespace deltahop {

// An SVG element that takes its text colour from the page.
std::string mapping_svg(const Problem& problem, const Hierarchy& hierarchy, const Mapping& mapping);

}  // namespace deltahop
