// SPDX-License-Identifier: Apache-2.0
// Text from files made fit for terminals and pages: valid UTF-8 without control characters, and its width in
// columns.
#pragma once

#include <string>
#include <string_view>

namespace deltahop {

// Invalid bytes, control characters and direction overrides become U+FFFD ('?' where unicode is false, as
// does everything beyond ASCII).
std::string printable(std::string_view text, bool unicode = true);

// Columns on a terminal; `text` must be valid UTF-8. Wide East Asian letters and emoji count 2, combining
// marks 0.
int display_width(std::string_view text);

// At most `width` columns; what is cut shows as an ellipsis.
std::string shortened(std::string_view text, int width, bool unicode = true);
// The same, but the front is cut: the end of a path tells layers apart.
std::string shortened_front(std::string_view text, int width, bool unicode = true);

}  // namespace deltahop
