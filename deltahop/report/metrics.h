// SPDX-License-Identifier: Apache-2.0
// The numbers of a report by name, one list for every writer: totals (JSON, comparisons, --fail-above) and
// the columns of a layer (JSON, CSV). All are means per input unless the name says otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "deltahop/report/report.h"

namespace deltahop {

struct TotalMetric {
  std::string_view key;         // "latency_cycles"
  std::string_view short_name;  // "latency"; "" where there is none
  std::string_view title;       // for people
  std::string_view unit;        // "cycles", "pJ", "bit", "1" for plain counts and fractions
  bool lower_is_better;
  std::optional<double> (*value)(const Report&, const Totals&);
};
std::vector<TotalMetric> total_metrics();

using Cell = std::variant<std::monostate, double, std::string>;
struct LayerColumn {
  std::string key;
  Cell (*value)(const LayerRow&, const Report&);
};
std::vector<LayerColumn> layer_columns();

// A sum over the report's inputs as mean per input.
double per_input(double sum, const Report& report);

}  // namespace deltahop
