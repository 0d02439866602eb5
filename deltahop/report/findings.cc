// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/findings.h"

#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/units.h"
#include "deltahop/report/csv.h"
#include "deltahop/report/html_page.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/html_sections.h"
#include "deltahop/report/number_text.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

constexpr std::string_view kUnknown = "\xC2\xB7";

std::string cell_text(const FindingsCell& cell, NumberStyle style) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return styled(*number, style);
  return std::string(kUnknown);
}

struct ShownTable {
  std::vector<std::string> headers;
  std::string align;
  std::vector<std::vector<std::string>> rows;
};

ShownTable shown(const FindingsTable& table) {
  ShownTable result;
  result.rows.resize(table.rows.size());
  for (size_t column = 0; column < table.columns.size(); ++column) {
    const FindingsColumn& own = table.columns[column];
    if (own.only_files) continue;
    result.headers.push_back(own.header);
    result.align += own.is_name ? '~' : '>';
    for (size_t row = 0; row < table.rows.size(); ++row)
      result.rows[row].push_back(cell_text(table.rows[row].at(column), own.style));
  }
  return result;
}

std::string figure_text(const KeyFigure& figure) {
  const std::string value = figure.value ? styled(*figure.value, figure.style) : std::string(kUnknown);
  return figure.remark.empty() ? value : value + ", " + figure.remark;
}

}  // namespace

std::string styled(double value, NumberStyle style) {
  switch (style) {
    case NumberStyle::plain:
      return plain_text(value);
    case NumberStyle::rounded:
      return fmt::format("{:.4g}", value);
    case NumberStyle::count:
      return count_text(value);
    case NumberStyle::percent:
      return percent_text(value);
    case NumberStyle::bytes:
      return bits_text(8 * value);
    case NumberStyle::seconds:
      return to_text(Seconds(value));
    case NumberStyle::decibels:
      return fmt::format("{:.2f} dB", value);
    case NumberStyle::ratio:
      return fmt::format("{:.3g}\xC3\x97", value);
  }
  check_failed("number style", __FILE__, __LINE__);
}

std::string to_text(const Findings& findings, const TextOptions& options) {
  const auto heading = [&](std::string_view text) {
    return options.colour ? fmt::format("\n\x1b[1;36m{}\x1b[0m\n", text) : fmt::format("\n{}\n", text);
  };
  const std::string title = printable(findings.title, options.unicode);
  std::string text = options.colour ? fmt::format("\x1b[1m{}\x1b[0m\n", title) : title + "\n";
  for (const KeyFigure& figure : findings.figures) {
    if (figure.value)
      text += fmt::format("  {:<30}{}\n", figure.label, printable(figure_text(figure), options.unicode));
  }
  for (const FindingsTable& table : findings.tables) {
    const ShownTable own = shown(table);
    text += heading(table.title) + to_text(TextTable{own.headers, own.align, own.rows, {}}, options);
  }
  if (findings.notes.empty()) return text;
  text += heading("Notes");
  for (const std::string& note : findings.notes) {
    text += wrapped(printable(note, options.unicode), options.width,
                    options.unicode ? "  \xE2\x80\xA2 " : "  * ");
  }
  return text;
}

std::string to_csv(const Findings& findings) {
  if (findings.tables.empty()) return "";
  const FindingsTable& table = findings.tables.front();
  std::string text;
  for (size_t i = 0; i < table.columns.size(); ++i) text += (i == 0 ? "" : ",") + table.columns[i].key;
  text += "\r\n";
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i != 0) text += ',';
      if (const auto* number = std::get_if<double>(&row[i])) text += fmt::format("{}", *number);
      if (const auto* word = std::get_if<std::string>(&row[i])) text += csv_field(*word);
    }
    text += "\r\n";
  }
  return text;
}

std::string to_html(const Findings& findings) {
  PageParts parts;
  parts.title = findings.title;
  parts.kicker = fmt::format("deltahop {} \xC2\xB7 {}", findings.command, findings.provenance.date);
  parts.lead = fmt::format("<p class=\"hero-lead\">{}</p>", escaped(findings.lead));
  std::string tiles;
  for (const KeyFigure& figure : findings.figures) {
    if (!figure.value) continue;
    const std::string remark =
        figure.remark.empty() ? "" : fmt::format("<small>{}</small>", escaped(figure.remark));
    tiles += fmt::format("<div class=\"tile\"><dt>{}</dt><dd>{}{}</dd></div>\n", escaped(figure.label),
                         escaped(styled(*figure.value, figure.style)), remark);
  }
  Sections sections;
  std::string scatters;
  for (const ScatterChart& chart : findings.scatters) scatters += figure_html(chart);
  sections.add("charts", "At a glance", "",
               figures_html(findings.charts) +
                   (scatters.empty() ? "" : "<div class=\"figures\">" + scatters + "</div>"));
  for (const FindingsTable& table : findings.tables) {
    const ShownTable own = shown(table);
    sections.add(table.id, table.title, table.introduction,
                 to_html(HtmlTable{own.headers, own.align, own.rows, {}}, table.title));
  }
  std::string pictures;
  for (const FindingsPicture& picture : findings.pictures)
    pictures += fmt::format("<figure><figcaption>{}</figcaption>\n{}</figure>\n", escaped(picture.title),
                            picture.svg);
  sections.add("pictures", findings.pictures_title, "", pictures);
  std::string notes;
  for (const std::string& note : findings.notes) notes += fmt::format("<li>{}</li>", escaped(note));
  sections.add("notes", "Notes", "", notes.empty() ? "" : "<ul class=\"notes\">" + notes + "</ul>");
  sections.add("provenance", "Provenance", "All that is needed to get these numbers again.",
               provenance_html(findings.provenance));
  parts.contents = (tiles.empty() ? "" : "<dl class=\"tiles\">\n" + tiles + "</dl>\n") + sections.html();
  parts.data = charts_json(findings.charts, std::nullopt, findings.scatters);
  return page_of(parts);
}

}  // namespace deltahop
