// SPDX-License-Identifier: Apache-2.0
// The pages of reports and of comparisons: which section holds what.
#include "deltahop/report/html.h"

#include <fmt/format.h>

#include "deltahop/report/html_page.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/html_sections.h"
#include "deltahop/report/number_text.h"

namespace deltahop {

std::string to_html(const Report& report) {
  const std::vector<std::vector<Chart>> groups = {sparsity_charts(report), time_charts(report),
                                                  traffic_charts(report),  energy_charts(report),
                                                  encoding_charts(report), error_charts(report)};
  const std::optional<RooflineChart> roofline = roofline_chart(report);
  std::vector<Chart> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());

  PageParts parts;
  parts.title = report.title;
  parts.kicker = kicker_of(report);
  parts.lead = lead_html(report);
  Sections sections;
  sections.add("work", "Where the multiplications went", "", work_html(report));
  sections.add("network", "The network", network_introduction(report),
               legend_html(report) + network_svg(report));
  sections.add("layers", "Layer by layer", layers_introduction(report), layers_html(report));
  sections.add("zeros", "Zeros", "", figures_html(groups[0]));
  sections.add("time", "Time", "", figures_html(groups[1]));
  sections.add("traffic", "Traffic", "", figures_html(groups[2]));
  sections.add("energy", "Energy", energy_introduction(report),
               figures_html(groups[3]) + energy_html(report));
  sections.add("bounds", "What bounds the layers", "",
               roofline ? "<div class=\"figures\">" + figure_html(*roofline) + "</div>" : "");
  sections.add("encodings", "Encodings", "", figures_html(groups[4]));
  sections.add("numbers", "Integer against float", "", figures_html(groups[5]) + formats_html(report));
  sections.add("published", "Published figures beside ours", "", published_html(report.published));
  sections.add("notes", "Notes", "", notes_html(report));
  sections.add("provenance", "Provenance", "All that is needed to get these numbers again.",
               provenance_html(report.provenance));
  parts.contents = tiles_html(report) + sections.html();
  parts.data = charts_json(all, roofline);
  return page_of(parts);
}

std::string to_html(const Comparison& comparison) {
  PageParts parts;
  parts.title = "Comparison";
  parts.kicker = fmt::format("deltahop compare \xC2\xB7 {} reports", comparison.reports.size());
  parts.lead = "<p class=\"hero-lead\">The first column is the yardstick: factors stand against it.</p>";
  const std::vector<Chart> charts = comparison_charts(comparison);
  Sections sections;
  sections.add("charts", "At a glance", "", figures_html(charts));
  sections.add("metrics", "Side by side", "", comparison_html(comparison));
  for (size_t i = 0; i < comparison.reports.size(); ++i) {
    const Report& report = comparison.reports[i];
    sections.add(fmt::format("provenance-{}", i), "Provenance: " + report.title, "",
                 provenance_html(report.provenance));
  }
  parts.contents = sections.html();
  parts.data = charts_json(charts, std::nullopt);
  return page_of(parts);
}

}  // namespace deltahop
