// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/comparison.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/number_text.h"

namespace deltahop {

std::optional<double> metric(const Report& report, std::string_view name) {
  for (const TotalMetric& each : total_metrics()) {
    if (each.key == name || (!each.short_name.empty() && each.short_name == name)) {
      return each.value(report, totals_of(report));
    }
  }
  throw Error("", "unknown metric '" + std::string(name) + "'", suggest(name, metric_names()));
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const TotalMetric& each : total_metrics()) {
    names.emplace_back(each.key);
    if (!each.short_name.empty()) names.emplace_back(each.short_name);
  }
  return names;
}

std::string cell_text(const ComparisonRow& row, size_t i, bool unicode) {
  const std::optional<double> value = row.values.at(i), first = row.values.front();
  if (!value) return unicode ? "\xC2\xB7" : "-";
  const std::string text = value_text(*value, row.unit, row.metric);
  if (i == 0 || !first || *first == 0 || *value == *first) return text;
  return fmt::format("{} ({:.3g}{})", text, *value / *first, unicode ? "\xC3\x97" : "x");
}

Comparison compare(std::vector<Report> reports, std::vector<std::string> labels) {
  DELTAHOP_CHECK(reports.size() == labels.size());
  Comparison comparison{std::move(labels), std::move(reports), {}};
  std::vector<Totals> totals;
  for (const Report& report : comparison.reports) totals.push_back(totals_of(report));
  for (const TotalMetric& each : total_metrics()) {
    ComparisonRow row{
        std::string(each.key), std::string(each.unit), std::string(each.title), each.lower_is_better, {}};
    for (size_t i = 0; i < totals.size(); ++i)
      row.values.push_back(each.value(comparison.reports[i], totals[i]));
    const bool known = std::any_of(row.values.begin(), row.values.end(),
                                   [](const auto& value) { return value.has_value(); });
    if (known) comparison.rows.push_back(std::move(row));
  }
  return comparison;
}

}  // namespace deltahop
