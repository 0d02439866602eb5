// SPDX-License-Identifier: Apache-2.0
// Puts the page together: everything that is text is written in C++, the script in page.html only draws the
// charts.
#include "deltahop/report/html_page.h"

#include <fmt/format.h>

#include "deltahop/base/embedded.h"
#include "deltahop/base/error.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/html_sections.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_report();  // generated

namespace {

std::string_view embedded(std::string_view path) {
  for (const EmbeddedFile& file : embedded_report()) {
    if (file.path == path) return file.content;
  }
  check_failed("embedded file", __FILE__, __LINE__);
}

}  // namespace

std::string page_of(const PageParts& parts) {
  return filled(embedded("page.html"), {{"title", escaped(parts.title)},
                                        {"kicker", escaped(parts.kicker)},
                                        {"lead", parts.lead},
                                        {"contents", parts.contents},
                                        {"data", parts.data},
                                        {"chart_library", std::string(embedded("chart.min.js"))},
                                        {"chart_licence", escaped_lines(embedded("copyright"))}});
}

void Sections::add(std::string_view id, std::string_view title, std::string_view introduction,
                   std::string_view content) {
  if (content.empty()) return;
  links_ += fmt::format("<a href=\"#{}\">{}</a>", id, escaped(title));
  text_ += section_html(id, title, introduction, content);
}

std::string figures_html(const std::vector<Chart>& charts) {
  std::string text;
  for (const Chart& chart : charts) text += figure_html(chart);
  return text.empty() ? "" : "<div class=\"figures\">" + text + "</div>\n";
}

}  // namespace deltahop
