// SPDX-License-Identifier: Apache-2.0
// Reports as CSV (RFC 4180): one row a layer, means per input, units in the headers, empty fields for
// unknown.
#pragma once

#include <string>

#include "deltahop/report/report.h"

namespace deltahop {

std::string to_csv(const Report& report);
// One row a published figure beside ours.
std::string published_csv(const std::vector<PublishedFigure>& figures);

}  // namespace deltahop
