// SPDX-License-Identifier: Apache-2.0
// The sections of the page that are words and tables; each is "" where the report has nothing for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/report/chart.h"
#include "deltahop/report/comparison.h"
#include "deltahop/report/report.h"

namespace deltahop {

std::string kicker_of(const Report& report);   // plain text
std::string lead_html(const Report& report);   // what came out, in one or two sentences
std::string tiles_html(const Report& report);  // the headline numbers
std::string work_html(const Report& report);   // multiplications done and skipped, as one bar
std::string network_introduction(const Report& report);
std::string legend_html(const Report& report);  // of the picture's colours
std::string layers_introduction(const Report& report);
std::string layers_html(const Report& report);
std::string energy_introduction(const Report& report);
std::string energy_html(const Report& report);  // every entry: count, unit cost, source
std::string formats_html(const Report& report);
std::string published_html(const std::vector<PublishedFigure>& figures);
std::string notes_html(const Report& report);
std::string provenance_html(const Provenance& provenance);

std::vector<Chart> comparison_charts(const Comparison& comparison);
std::string comparison_html(const Comparison& comparison);

// Text with its line breaks.
std::string escaped_lines(std::string_view text);

}  // namespace deltahop
