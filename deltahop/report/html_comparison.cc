// SPDX-License-Identifier: Apache-2.0
// Reports side by side, for the page.
#include <fmt/format.h>

#include "deltahop/report/html_parts.h"
#include "deltahop/report/html_sections.h"
#include "deltahop/report/number_text.h"

namespace deltahop {
namespace {

// The metrics that deserve a chart of their own.
struct Glance {
  std::string_view metric;
  std::string_view caption;
  ChartUnit unit;
};

}  // namespace

std::vector<Chart> comparison_charts(const Comparison& comparison) {
  static constexpr Glance kGlances[] = {
      {"latency_cycles", "Cycles for one input: shorter is better.", ChartUnit::cycles},
      {"energy_pJ", "For one input, core and DRAM: shorter is better.", ChartUnit::picojoules},
      {"dram_bits", "For one input, read and written: shorter is better.", ChartUnit::bits},
      {"efficiency_fraction", "Dense MACs per MAC slot: longer is better.", ChartUnit::fraction}};
  std::vector<Chart> charts;
  for (const Glance& glance : kGlances) {
    for (const ComparisonRow& row : comparison.rows) {
      if (row.metric != glance.metric) continue;
      std::string title = row.title;
      title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
      charts.push_back({fmt::format("compare-{}", charts.size()),
                        title,
                        std::string(glance.caption),
                        "",
                        Chart::Kind::horizontal_stacked_bars,
                        glance.unit,
                        comparison.labels,
                        {{row.title, 0, row.values}},
                        "report"});
    }
  }
  return charts;
}

std::string comparison_html(const Comparison& comparison) {
  HtmlTable table{{"metric"}, "<", {}, {}};
  for (const std::string& label : comparison.labels) {
    table.headers.push_back(label);
    table.align += '>';
  }
  for (const ComparisonRow& row : comparison.rows) {
    std::vector<std::string> cells = {row.title};
    for (size_t i = 0; i < row.values.size(); ++i) cells.push_back(cell_text(row, i, true));
    table.rows.push_back(std::move(cells));
  }
  return to_html(table, "Means per input");
}

}  // namespace deltahop
