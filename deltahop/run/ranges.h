// SPDX-License-Identifier: Apache-2.0
// The largest magnitudes of the values that products meet, as text, one a line: what integer sessions are
// scaled by. `gru1.x=3.5`: node, stream ("x", "h" or "rh") and range.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace deltahop {

using Ranges = std::map<std::string, double>;

// '#' begins a comment line. Throws Error with the line as place on what is no range, and on doubled names.
Ranges parse_ranges(std::string_view text, std::string_view place);
std::string text_of(const Ranges& ranges);  // what parse_ranges() reads back exactly

}  // namespace deltahop
