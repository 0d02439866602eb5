// SPDX-License-Identifier: Apache-2.0
// One aligned table for a terminal.
#include <algorithm>
#include <numeric>

#include "deltahop/report/text.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

constexpr int kGap = 2;        // columns between cells
constexpr int kNarrowest = 6;  // no text column is cut below this

struct Layout {
  std::vector<int> widths;
  const TextTable& table;
  const TextOptions& options;

  bool is_name(size_t column) const { return column < table.align.size() && table.align[column] == '~'; }
  bool is_right(size_t column) const { return column < table.align.size() && table.align[column] == '>'; }
};

std::vector<std::string> clean(const std::vector<std::string>& cells, size_t columns, bool unicode) {
  std::vector<std::string> result;
  for (size_t i = 0; i < columns; ++i) result.push_back(i < cells.size() ? printable(cells[i], unicode) : "");
  return result;
}

int total_width(const std::vector<int>& widths) {
  return std::accumulate(widths.begin(), widths.end(), 0) + kGap * static_cast<int>(widths.size() - 1);
}

// Takes columns from the widest left-aligned one until the table fits; numbers are never cut.
void shrink(Layout& layout) {
  if (layout.options.width <= 0 || !layout.options.cut) return;
  while (total_width(layout.widths) > layout.options.width) {
    int widest = -1;
    for (size_t i = 0; i < layout.widths.size(); ++i) {
      if (layout.is_right(i) || layout.widths[i] <= kNarrowest) continue;
      if (widest < 0 || layout.widths[i] > layout.widths[static_cast<size_t>(widest)])
        widest = static_cast<int>(i);
    }
    if (widest < 0) return;
    --layout.widths[static_cast<size_t>(widest)];
  }
}

std::string line_of(const std::vector<std::string>& cells, const Layout& layout) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    std::string cell = cells[i];
    if (!layout.is_right(i)) {
      cell =
          (layout.is_name(i) ? shortened_front : shortened)(cell, layout.widths[i], layout.options.unicode);
    }
    const std::string space(static_cast<size_t>(std::max(0, layout.widths[i] - display_width(cell))), ' ');
    if (i != 0) line.append(kGap, ' ');
    line += layout.is_right(i) ? space + cell : cell + space;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string rule_of(const Layout& layout) {
  std::string line;
  for (int i = 0; i < total_width(layout.widths); ++i) line += layout.options.unicode ? "\xE2\x94\x80" : "-";
  return line;
}

// The widest cell of every column.
std::vector<int> natural_widths(const TextTable& table, const TextOptions& options) {
  const size_t columns = table.headers.size();
  std::vector<int> widths(columns, 0);
  const auto widen = [&](const std::vector<std::string>& cells) {
    const std::vector<std::string> cleaned = clean(cells, columns, options.unicode);
    for (size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], display_width(cleaned[i]));
  };
  widen(table.headers);
  for (const auto& row : table.rows) widen(row);
  widen(table.footer);
  return widths;
}

}  // namespace

int natural_width(const TextTable& table, const TextOptions& options) {
  return table.headers.empty() ? 0 : total_width(natural_widths(table, options));
}

std::string to_text(const TextTable& table, const TextOptions& options) {
  const size_t columns = table.headers.size();
  if (columns == 0) return "";
  const std::vector<std::string> headers = clean(table.headers, columns, options.unicode);
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : table.rows) rows.push_back(clean(row, columns, options.unicode));
  const std::vector<std::string> footer = clean(table.footer, columns, options.unicode);

  Layout layout{natural_widths(table, options), table, options};
  shrink(layout);

  const auto bold = [&](const std::string& line) {
    return options.colour ? "\x1b[1m" + line + "\x1b[0m" : line;
  };
  const auto faint = [&](const std::string& line) {
    return options.colour ? "\x1b[2m" + line + "\x1b[0m" : line;
  };
  std::string text = bold(line_of(headers, layout)) + "\n" + faint(rule_of(layout)) + "\n";
  for (const auto& row : rows) text += line_of(row, layout) + "\n";
  if (!table.footer.empty()) text += faint(rule_of(layout)) + "\n" + bold(line_of(footer, layout)) + "\n";
  return text;
}

}  // namespace deltahop
