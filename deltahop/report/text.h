// SPDX-License-Identifier: Apache-2.0
// Reports as tables for a terminal. Control characters in names are made harmless.
#pragma once

#include <string>
#include <vector>

#include "deltahop/report/comparison.h"
#include "deltahop/report/report.h"

namespace deltahop {

struct TextOptions {
  int width = 100;      // columns of the terminal; 0: unlimited
  bool cut = true;      // false: no cell of a table is shortened, however wide it gets
  bool colour = false;  // the caller looks at NO_COLOR and whether this is a terminal
  bool unicode = true;  // box lines, bars and symbols such as × and µ
};

// The whole report: headline, layers, energy, published figures, notes.
std::string to_text(const Report& report, const TextOptions& options);

// One table; a column is right-aligned where `align` says '>' for it.
struct TextTable {
  std::vector<std::string> headers;
  // One a column: '>' numbers, '<' words, '~' names, of which the front is cut; missing ones are '<'.
  std::string align;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> footer;  // a last row set apart (totals); empty for none
};
// Where it is wider than the options allow, the widest text columns are shortened with an ellipsis.
std::string to_text(const TextTable& table, const TextOptions& options);
// Columns of the terminal that the table takes where nothing is shortened.
int natural_width(const TextTable& table, const TextOptions& options);

std::string published_text(const std::vector<PublishedFigure>& figures, const TextOptions& options);
std::string to_text(const Comparison& comparison, const TextOptions& options);

}  // namespace deltahop
