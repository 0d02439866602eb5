// SPDX-License-Identifier: Apache-2.0
// The page around a report: title, sections with links to them, the charts' script and its licence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/report/chart.h"

namespace deltahop {

struct PageParts {
  std::string title;
  std::string kicker;    // the line above the title
  std::string lead;      // the sentence below it, as HTML
  std::string contents;  // the sections, as HTML
  std::string data;      // for the script
};
std::string page_of(const PageParts& parts);

// Sections with links to them in front; empty ones are left out.
class Sections {
 public:
  void add(std::string_view id, std::string_view title, std::string_view introduction,
           std::string_view content);
  std::string html() const { return "<nav aria-label=\"Sections\">" + links_ + "</nav>\n" + text_; }

 private:
  std::string links_, text_;
};

std::string figures_html(const std::vector<Chart>& charts);  // "" for no charts

}  // namespace deltahop
