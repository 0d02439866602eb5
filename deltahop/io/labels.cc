// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/labels.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/csv.h"
#include "deltahop/io/deflate.h"
#include "deltahop/io/idx.h"
#include "deltahop/io/npz.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestFile = uint64_t{1} << 30;

Tensor parse_idx(std::string_view content, std::string_view name) {
  const NpyHeader header = parse_idx_header(content, name);
  const std::string_view bytes = content.substr(header.data_offset);
  if (bytes.size() != static_cast<uint64_t>(element_count(header.shape)) * byte_width(header.type)) {
    throw Error(name,
                fmt::format("does not hold the {} elements that it declares", element_count(header.shape)),
                "the file may be cut off");
  }
  return npy_elements(bytes, header, header.shape);
}

Labels from_table(const Table& table) {
  Labels labels{table.name, {}, {}};
  std::optional<size_t> file = table.column({"file"});
  std::optional<size_t> label = table.column({"class_index", "label"});
  if (!table.columns.empty() && !label) throw Error(table.name, "has no column 'class_index' or 'label'");
  if (table.columns.empty() && !table.rows.empty()) {
    const size_t fields = table.rows.front().fields.size();
    label = fields == 1 ? 0 : 1;
    if (fields > 1) file = 0;
  }
  for (const Table::Row& row : table.rows) {
    if (file) labels.files.push_back(table.text(row, *file));
    labels.values.push_back(table.whole_number(row, *label));
  }
  return labels;
}

}  // namespace

std::vector<int64_t> labels_of(const Tensor& tensor, std::string_view name) {
  const Shape& shape = tensor.shape();
  const bool one_hot = shape.size() == 2 && shape[1] > 1;
  if (shape.empty() || (shape.size() > 1 && !one_hot && tensor.size() != shape[0])) {
    throw Error(name, fmt::format("has the shape {}, which is none of labels", to_text(shape)),
                "want [N] or one-hot [N, classes]");
  }
  const Tensor numbers = tensor.converted(DataType::float64);
  const auto values = numbers.values<double>();
  std::vector<int64_t> labels;
  const size_t classes = one_hot ? static_cast<size_t>(shape[1]) : 1;
  for (size_t row = 0; row < values.size(); row += classes) {
    const auto part = values.subspan(row, classes);
    if (one_hot) {
      const auto zeros = std::count(part.begin(), part.end(), 0.0),
                 ones = std::count(part.begin(), part.end(), 1.0);
      if (ones != 1 || zeros + ones != static_cast<std::ptrdiff_t>(classes))
        throw Error(name, fmt::format("row {} is not one-hot", row / classes));
      labels.push_back(std::find(part.begin(), part.end(), 1.0) - part.begin());
    } else {
      const double value = part[0];
      if (!(value >= 0 && value < 1e15) || value != static_cast<double>(static_cast<int64_t>(value))) {
        throw Error(name, fmt::format("label {} is {}, not a whole number from 0 on", row, value));
      }
      labels.push_back(static_cast<int64_t>(value));
    }
  }
  return labels;
}

Labels read_labels(const std::filesystem::path& path) {
  std::string content = read_file(path, kLargestFile);
  const std::string name = path.string();
  if (content.empty()) throw Error(name, "is empty");
  if (is_gzip(content)) content = gunzipped(content, name);
  if (is_idx(content)) return {name, {}, labels_of(parse_idx(content, name), name)};
  if (is_npy(content)) return {name, {}, labels_of(parse_npy(content, name), name)};
  if (!is_plain_text(content)) throw Error(name, "holds no labels", "want a CSV file, IDX or NPY");
  return from_table(parse_table(content, name));
}

std::vector<int64_t> labels_for(const Labels& labels, const std::vector<std::filesystem::path>& files) {
  if (labels.files.empty()) {
    if (labels.values.size() != files.size()) {
      throw Error(labels.name,
                  fmt::format("has {} labels for {} pictures", labels.values.size(), files.size()),
                  "name the files in a column 'file'");
    }
    return labels.values;
  }
  constexpr int64_t kTwoLabels = -1;
  std::map<std::string, int64_t> by_name;
  for (size_t i = 0; i < labels.files.size(); ++i) {
    const auto [entry, is_new] =
        by_name.emplace(std::filesystem::path(labels.files[i]).filename().string(), labels.values[i]);
    if (!is_new && entry->second != labels.values[i]) entry->second = kTwoLabels;
  }
  std::map<std::string, int64_t> by_path;
  for (size_t i = 0; i < labels.files.size(); ++i) by_path.emplace(labels.files[i], labels.values[i]);
  std::vector<int64_t> result;
  for (const auto& file : files) {
    const std::string last = file.filename().string();
    const auto exact = by_path.find(file.string());
    const auto named = by_name.find(last);
    if (exact == by_path.end() && named == by_name.end())
      throw Error(labels.name, fmt::format("has no label for '{}'", last));
    const int64_t label = exact != by_path.end() ? exact->second : named->second;
    if (label == kTwoLabels) throw Error(labels.name, fmt::format("has two labels for '{}'", last));
    result.push_back(label);
  }
  return result;
}

}  // namespace deltahop
