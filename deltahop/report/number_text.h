// SPDX-License-Identifier: Apache-2.0
// Numbers of a report for people, the same in every writer: three significant digits with a fitting prefix.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "deltahop/report/report.h"

namespace deltahop {

std::string percent_text(double fraction);   // "73.4 %"
std::string bits_text(double bits);          // "4.2 kB"
std::string energy_text(double picojoules);  // "1.55 mJ"
std::string decibel_text(double decibels);   // "61.2"
std::string plain_text(double number);       // "0", "12.5"
// With a unit as published figures carry it: "471 GOp/s", "368 %", "3.1".
std::string with_unit(double number, std::string_view unit);
// A total metric by its unit and key: fractions as percent, counts with prefixes.
std::string value_text(double value, std::string_view unit, std::string_view key);

// "input_buffer" -> "input buffer", "dram" -> "DRAM".
std::string title_of(std::string_view name);

// The few numbers that a reader wants first, as label and value; only what the report has.
std::vector<std::pair<std::string, std::string>> headline_figures(const Report& report);

// Words broken at `width` columns (0: never), the first line after `bullet`, the others below it.
std::string wrapped(std::string_view text, int width, std::string_view bullet);

}  // namespace deltahop
