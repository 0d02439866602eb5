// SPDX-License-Identifier: Apache-2.0
// Small tables in text: comma or tab between fields, quotes around fields that need them, '#' lines and empty
// lines left out, a first line of column names where one of them is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

struct Table {
  struct Row {
    int line = 0;
    std::vector<std::string> fields;
  };
  std::string name;                  // place of errors
  std::vector<std::string> columns;  // empty where there is no line of names
  std::vector<Row> rows;

  std::optional<size_t> column(
      const std::vector<std::string>& names) const;  // the first of `names` that is there
  // Throw Error with file and line.
  const std::string& text(const Row& row, size_t column) const;
  int64_t whole_number(const Row& row, size_t column) const;  // not negative
};

// True for content without control characters: not a binary file.
bool is_plain_text(std::string_view content);
Table parse_table(std::string_view text, std::string_view name);

}  // namespace deltahop
