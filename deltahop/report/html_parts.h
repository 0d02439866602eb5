// SPDX-License-Identifier: Apache-2.0
// Pieces of the page.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/report/chart.h"
#include "deltahop/report/report.h"

namespace deltahop {

// Fit for text and for attribute values: printable, markup escaped.
std::string escaped(std::string_view text);

// Replaces {{name}} in one pass over the template: what is filled in is never looked at again. Every name
// must be known.
std::string filled(std::string_view page, const std::map<std::string, std::string, std::less<>>& parts);

// A table in a box of its own that scrolls; `align` as in TextTable. Cells are escaped here.
struct HtmlTable {
  std::vector<std::string> headers;
  std::string align;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> footer;
};
std::string to_html(const HtmlTable& table, std::string_view caption = {});

// A figure with its canvas and the table behind it.
std::string figure_html(const Chart& chart);
std::string figure_html(const RooflineChart& chart);
std::string figure_html(const ScatterChart& chart);

// <section id=...><h2>title</h2>...; "" where the content is empty.
std::string section_html(std::string_view id, std::string_view title, std::string_view introduction,
                         std::string_view content);
std::string details_html(std::string_view summary, std::string_view content);

// The network as a drawing, layers coloured by where they run; "" where there is no graph.
std::string network_svg(const Report& report);

}  // namespace deltahop
