// SPDX-License-Identifier: Apache-2.0
// Reports as JSON, schema "deltahop-report/1": `totals` and `layers[]`, keys with units, null for unknown,
// stable order.
#pragma once

#include <string>
#include <string_view>

#include "deltahop/report/report.h"

namespace deltahop {

std::string to_json(const Report& report);
// The inverse, for baselines of comparisons. Throws Error (place: `name`) on broken JSON, another schema,
// wrong types.
Report report_from_json(std::string_view text, std::string_view name);

}  // namespace deltahop
