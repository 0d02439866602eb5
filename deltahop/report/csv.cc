// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/csv.h"

#include <fmt/format.h>

#include "deltahop/report/comparison.h"
#include "deltahop/report/metrics.h"

namespace deltahop {
namespace {

// The shortest text that reads back as the same number.
std::string number_text(double value) { return fmt::format("{}", value); }

}  // namespace

std::string csv_field(std::string_view text) {
  const bool is_formula =
      !text.empty() && (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@');
  if (!is_formula && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string result = is_formula ? "\"'" : "\"";
  for (const char letter : text) {
    if (letter == '"') result += '"';
    result += letter;
  }
  return result + '"';
}

std::string to_csv(const Report& report) {
  const std::vector<LayerColumn> columns = layer_columns();
  std::string text;
  for (const LayerColumn& column : columns) {
    if (!text.empty()) text += ',';
    text += column.key;
  }
  text += "\r\n";
  for (const LayerRow& layer : report.layers) {
    bool is_first = true;
    for (const LayerColumn& column : columns) {
      if (!is_first) text += ',';
      is_first = false;
      const Cell cell = column.value(layer, report);
      if (const double* number = std::get_if<double>(&cell)) text += number_text(*number);
      if (const std::string* word = std::get_if<std::string>(&cell)) text += csv_field(*word);
    }
    text += "\r\n";
  }
  return text;
}

std::string published_csv(const std::vector<PublishedFigure>& figures) {
  std::string text = "figure,ours,published,unit,tolerance_fraction,verdict,source,note\r\n";
  for (const PublishedFigure& figure : figures) {
    text += fmt::format("{},{},{},{},{},{},{},{}\r\n", csv_field(figure.name), number_text(figure.ours),
                        number_text(figure.theirs), csv_field(figure.unit),
                        number_text(figure.tolerance_fraction), csv_field(figure.verdict),
                        csv_field(figure.source), csv_field(figure.note));
  }
  return text;
}

std::string to_csv(const Comparison& comparison) {
  std::string text = "metric,unit";
  for (const std::string& label : comparison.labels) text.append(",").append(csv_field(label));
  text += "\r\n";
  for (const ComparisonRow& row : comparison.rows) {
    text.append(csv_field(row.metric)).append(",").append(csv_field(row.unit));
    for (const std::optional<double>& value : row.values)
      text.append(",").append(value ? number_text(*value) : "");
    text += "\r\n";
  }
  return text;
}

}  // namespace deltahop
