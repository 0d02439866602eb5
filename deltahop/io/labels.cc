// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/labels.h"

#include <algorithm>
#include <cctype>
#include <sstream>

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

// Letters and digits in lower case, other marks inside as '_': what two spellings of one class have in
// common.
std::string bare(std::string_view word) {
  std::string bare;
  for (const char letter : word) {
    const auto byte = static_cast<unsigned char>(letter);
    bare += byte >= 0x80 || std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '_';
  }
  const size_t first = bare.find_first_not_of('_');
  return first == std::string::npos ? "" : bare.substr(first, bare.find_last_not_of('_') + 1 - first);
}

Labels named(const Table& table, const std::vector<std::string>& class_names) {
  const std::optional<size_t> word = table.column({"class_name", "word", "name", "class", "label"});
  if (!word) {
    throw Error(table.name, "has no column that names the class",
                "'class_name', 'word', 'name', 'class' or 'label' would do");
  }
  std::map<std::string, int64_t> places;
  for (size_t i = 0; i < class_names.size(); ++i) {
    if (!places.emplace(bare(class_names[i]), static_cast<int64_t>(i)).second)
      throw Error(table.name, fmt::format("two classes are called '{}'", class_names[i]));
  }
  const std::optional<size_t> file = table.column({"file"});
  Labels labels{table.name, {}, {}};
  for (const Table::Row& row : table.rows) {
    const std::string& text = table.text(row, *word);
    const auto place = places.find(bare(text));
    if (place == places.end()) {
      throw Error(fmt::format("{}:{}", table.name, row.line), fmt::format("'{}' is no class", text),
                  suggest(text, class_names));
    }
    if (file) labels.files.push_back(table.text(row, *file));
    labels.values.push_back(place->second);
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

Labels read_labels(const std::filesystem::path& path, const std::vector<std::string>& class_names) {
  return named(parse_table(read_file(path, kLargestFile), path.string()), class_names);
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  constexpr uint64_t kLargestList = uint64_t{1} << 24;
  const std::string content = read_file(path, kLargestList);
  if (!is_plain_text(content))
    throw Error(path.string(), "is not a text file", "want the name of a class a line");
  std::vector<std::string> names;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  if (names.empty()) throw Error(path.string(), "names no class");
  return names;
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
