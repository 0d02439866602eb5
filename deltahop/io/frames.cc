// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/frames.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/csv.h"

namespace deltahop {
namespace {

std::optional<float> number_of(const std::string& field) {
  float value = 0;
  const auto [end, fault] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (fault != std::errc{} || end != field.data() + field.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// Absent where one of them is no number.
std::optional<std::vector<float>> numbers_of(const std::vector<std::string>& fields) {
  std::vector<float> numbers;
  for (const std::string& field : fields) {
    const std::optional<float> number = number_of(field);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace

std::vector<float> parse_csv_frames(std::string_view text, std::string_view name) {
  const Table table = parse_table(text, name);
  std::vector<float> values;
  size_t width = 0;  // of the rows so far
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const Table::Row& row = table.rows[i];
    const auto numbers = numbers_of(row.fields);
    if (!numbers) {
      if (i == 0 && table.columns.empty()) continue;  // names
      throw Error(fmt::format("{}:{}", name, row.line), "is no row of numbers");
    }
    if (width != 0 && numbers->size() != width) {
      throw Error(fmt::format("{}:{}", name, row.line),
                  fmt::format("is a row of {}, those above have {}", numbers->size(), width));
    }
    width = numbers->size();
    values.insert(values.end(), numbers->begin(), numbers->end());
  }
  return values;
}

std::vector<float> parse_raw_frames(std::string_view bytes, std::string_view name) {
  if (bytes.size() % sizeof(float) != 0) throw Error(name, "is no sequence of 32-bit floats");
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  const auto bad =
      std::find_if_not(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
  if (bad != values.end()) {
    throw Error(name, fmt::format("its value {} is no number", bad - values.begin()),
                "want 32-bit floats in little-endian order and nothing else");
  }
  return values;
}

bool holds_csv_frames(std::string_view text, std::string_view name) {
  const Table table = parse_table(text, name);
  return !table.rows.empty() && number_of(table.rows.back().fields.front());
}

}  // namespace deltahop
