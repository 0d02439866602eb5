// SPDX-License-Identifier: Apache-2.0
// Reports as one self-contained HTML page: charts by Chart.js, embedded with its licence; no network access.
#pragma once

#include <string>

#include "deltahop/report/comparison.h"
#include "deltahop/report/report.h"

namespace deltahop {

std::string to_html(const Report& report);
std::string to_html(const Comparison& comparison);

}  // namespace deltahop
