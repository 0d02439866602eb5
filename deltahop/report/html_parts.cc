// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/html_parts.h"

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/report/number_text.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

// One cell; numbers stand right.
std::string cell_html(std::string_view element, std::string_view text, bool is_right) {
  return fmt::format("<{0}{2}>{1}</{0}>", element, escaped(text), is_right ? " class=\"n\"" : "");
}

std::string figure_frame(std::string_view id, std::string_view plot, std::string_view title,
                         std::string_view caption, size_t labels, std::string_view table) {
  return fmt::format(
      "<figure class=\"chart\"><figcaption><h3>{1}</h3><p>{2}</p></figcaption>"
      "<div class=\"plot-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\"><div class=\"{5}\" "
      "style=\"--marks:{3}\">"
      "<canvas id=\"chart-{0}\" role=\"img\" aria-label=\"{1}. {2} The table below holds the "
      "numbers.\"></canvas></div></div>"
      "{4}</figure>\n",
      escaped(id), escaped(title), escaped(caption), labels, details_html("Numbers", table), plot);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : printable(text)) {
    switch (letter) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += letter;
    }
  }
  return result;
}

std::string filled(std::string_view page, const std::map<std::string, std::string, std::less<>>& parts) {
  std::string result;
  while (true) {
    const size_t begin = page.find("{{");
    if (begin == std::string_view::npos) break;
    const size_t end = page.find("}}", begin);
    DELTAHOP_CHECK(end != std::string_view::npos);
    const auto part = parts.find(page.substr(begin + 2, end - begin - 2));
    DELTAHOP_CHECK(part != parts.end());
    result += page.substr(0, begin);
    result += part->second;
    page.remove_prefix(end + 2);
  }
  return result.append(page);
}

std::string to_html(const HtmlTable& table, std::string_view caption) {
  const auto is_right = [&](size_t column) {
    return column < table.align.size() && table.align[column] == '>';
  };
  const auto row_html = [&](const std::vector<std::string>& cells, std::string_view first,
                            std::string_view other) {
    std::string text = "<tr>";
    for (size_t i = 0; i < cells.size(); ++i)
      text += cell_html(i == 0 ? first : other, cells[i], is_right(i));
    return text + "</tr>\n";
  };
  std::string text =
      fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table>\n",
                  escaped(caption.empty() ? "table" : caption));
  if (!caption.empty()) text += fmt::format("<caption>{}</caption>", escaped(caption));
  text += "<thead>" + row_html(table.headers, "th", "th") + "</thead><tbody>\n";
  for (const auto& row : table.rows) text += row_html(row, "th", "td");
  text += "</tbody>";
  if (!table.footer.empty()) text += "<tfoot>" + row_html(table.footer, "th", "td") + "</tfoot>";
  return text + "</table></div>\n";
}

std::string figure_html(const Chart& chart) {
  HtmlTable table{{chart.label_header}, "<", {}, {}};
  for (const ChartSeries& series : chart.series) {
    table.headers.push_back(series.name);
    table.align += '>';
  }
  for (size_t i = 0; i < chart.labels.size(); ++i) {
    std::vector<std::string> row = {chart.labels[i]};
    for (const ChartSeries& series : chart.series) {
      row.push_back(series.values[i] ? chart_number(*series.values[i], chart.unit) : "\xC2\xB7");
    }
    table.rows.push_back(std::move(row));
  }
  // Horizontal bars grow downwards, the others sideways.
  const bool is_flat = chart.kind == Chart::Kind::horizontal_stacked_bars ||
                       chart.kind == Chart::Kind::horizontal_logarithmic_bars;
  return figure_frame(chart.id, is_flat ? "plot flat" : "plot", chart.title, chart.caption,
                      chart.labels.size(), to_html(table, chart.title));
}

std::string figure_html(const RooflineChart& chart) {
  HtmlTable table{{"layer", "Op/B", "GOp/s", "of the roof"}, "<>>>", {}, {}};
  for (const RooflinePoint& point : chart.points) {
    double roof = chart.peak_ops_per_second;
    if (chart.dram_bytes_per_second > 0)
      roof = std::min(roof, point.ops_per_byte * chart.dram_bytes_per_second);
    table.rows.push_back({point.name, fmt::format("{:.3g}", point.ops_per_byte),
                          fmt::format("{:.3g}", point.ops_per_second * 1e-9),
                          percent_text(point.ops_per_second / roof)});
  }
  const std::string caption =
      "Work done per second against work done per byte of DRAM traffic. Left of the ridge DRAM is the bound, "
      "right of it the "
      "multipliers. Where the port reads and writes at once, the busier direction counts. Skipped operations "
      "do not count here.";
  return figure_frame("roofline", "plot", "Roofline", caption, 0, to_html(table, "Roofline"));
}

std::string figure_html(const ScatterChart& chart) {
  HtmlTable table{{"", "point", chart.x_title, chart.y_title}, "<<>>", {}, {}};
  for (const ScatterChart::Series& series : chart.series) {
    for (const ScatterChart::Point& point : series.points) {
      table.rows.push_back(
          {series.name, point.name, fmt::format("{:.4g}", point.x), fmt::format("{:.4g}", point.y)});
    }
  }
  return figure_frame(chart.id, "plot", chart.title, chart.caption, 0, to_html(table, chart.title));
}

std::string section_html(std::string_view id, std::string_view title, std::string_view introduction,
                         std::string_view content) {
  if (content.empty()) return "";
  const std::string lead =
      introduction.empty() ? "" : fmt::format("<p class=\"lead\">{}</p>", escaped(introduction));
  return fmt::format("<section id=\"{}\"><h2>{}</h2>{}\n{}</section>\n", id, escaped(title), lead, content);
}

std::string details_html(std::string_view summary, std::string_view content) {
  return fmt::format("<details><summary>{}</summary>{}</details>", escaped(summary), content);
}

}  // namespace deltahop
