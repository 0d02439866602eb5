// SPDX-License-Identifier: Apache-2.0
// Several reports side by side, and the metrics by name that `--fail-above latency=1.05x:baseline.json`
// needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/report/report.h"

namespace deltahop {

// A total by its JSON key ("latency_cycles", "energy_pJ", ...) or short name ("latency", "energy", "dram",
// "macs", "weights", "mismatches"); absent where the report does not have it. Throws Error on an unknown
// name. Means per input.
std::optional<double> metric(const Report& report, std::string_view name);
std::vector<std::string> metric_names();

struct ComparisonRow {
  std::string metric;
  std::string unit;
  std::string title;  // for people
  bool lower_is_better = true;
  std::vector<std::optional<double>> values;  // one a report
};

struct Comparison {
  std::vector<std::string> labels;  // of the reports
  std::vector<Report> reports;
  std::vector<ComparisonRow> rows;  // metrics that at least one report has
};

// The value of report `i` for people, with its ratio to the first one: "12.3 ms (1.07x)".
std::string cell_text(const ComparisonRow& row, size_t i, bool unicode);

Comparison compare(std::vector<Report> reports, std::vector<std::string> labels);
std::string to_json(const Comparison& comparison);
std::string to_csv(const Comparison& comparison);

}  // namespace deltahop
