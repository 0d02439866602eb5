// SPDX-License-Identifier: Apache-2.0
// Reports as CSV (RFC 4180): one row a layer, means per input, units in the headers, empty fields for
// unknown.
#pragma once

#include <string>
#include <string_view>

#include "deltahop/report/report.h"

namespace deltahop {

// A field, quoted where it must be; a leading sign that a spreadsheet would take for a formula is defused by
// an apostrophe.
std::string csv_field(std::string_view text);
std::string to_csv(const Report& report);
// One row a published figure beside ours.
std::string published_csv(const std::vector<PublishedFigure>& figures);

}  // namespace deltahop
