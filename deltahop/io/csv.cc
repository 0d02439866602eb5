// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/csv.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

const std::vector<std::string> kKnownColumns = {"file", "class_index", "label", "offset", "length"};

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> fields;
  while (true) {
    line = trimmed(line);
    std::string field;
    if (!line.empty() && line.front() == '"') {
      size_t at = 1;
      for (; at < line.size(); ++at) {
        if (line[at] == '"' && at + 1 < line.size() && line[at + 1] == '"')
          ++at;
        else if (line[at] == '"')
          break;
        field.push_back(line[at]);
      }
      line.remove_prefix(std::min(at + 1, line.size()));
    }
    const size_t end = std::min(line.find(separator), line.size());
    field += trimmed(line.substr(0, end));
    fields.push_back(std::move(field));
    if (end == line.size()) return fields;
    line.remove_prefix(end + 1);
  }
}

std::vector<std::string> fields_of(std::string_view line) {
  if (line.find(',') != std::string_view::npos) return split(line, ',');
  if (line.find('\t') != std::string_view::npos) return split(line, '\t');
  // "path label", as Caffe's lists: only a number at the end is a field of its own, for paths may hold
  // blanks.
  const size_t blank = line.rfind(' ');
  if (blank != std::string_view::npos && is_number(line.substr(blank + 1))) {
    return {std::string(trimmed(line.substr(0, blank))), std::string(line.substr(blank + 1))};
  }
  return {std::string(line)};
}

}  // namespace

std::optional<size_t> Table::column(const std::vector<std::string>& names) const {
  for (const std::string& wanted : names) {
    const auto found = std::find(columns.begin(), columns.end(), wanted);
    if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  }
  return std::nullopt;
}

const std::string& Table::text(const Row& row, size_t column) const {
  if (column >= row.fields.size())
    throw Error(fmt::format("{}:{}", name, row.line), fmt::format("has only {} fields", row.fields.size()));
  return row.fields[column];
}

int64_t Table::whole_number(const Row& row, size_t column) const {
  const std::string& word = text(row, column);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || value < 0) {
    throw Error(fmt::format("{}:{}", name, row.line),
                fmt::format("'{}' is not a whole number from 0 on", word));
  }
  return value;
}

bool is_plain_text(std::string_view content) {
  return std::none_of(content.begin(), content.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\r' && c != '\t') || c == 127;
  });
}

Table parse_table(std::string_view text, std::string_view name) {
  if (text.empty()) throw Error(name, "is empty");
  if (!is_plain_text(text)) throw Error(name, "is not a text file");
  Table table;
  table.name = name;
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || content.front() == '#') continue;
    std::vector<std::string> fields = fields_of(content);
    const bool names_known = std::any_of(fields.begin(), fields.end(), [](const std::string& field) {
      return std::find(kKnownColumns.begin(), kKnownColumns.end(), field) != kKnownColumns.end();
    });
    if (table.columns.empty() && table.rows.empty() && names_known)
      table.columns = std::move(fields);
    else
      table.rows.push_back({line, std::move(fields)});
  }
  return table;
}

}  // namespace deltahop
