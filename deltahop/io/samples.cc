// SPDX-License-Identifier: Apache-2.0
// open_samples: finds out what a path holds by its content, never by its name, and opens it.
#include "deltahop/io/samples.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/csv.h"
#include "deltahop/io/deflate.h"
#include "deltahop/io/idx.h"
#include "deltahop/io/labels.h"
#include "deltahop/io/npz.h"
#include "deltahop/io/picture.h"
#include "deltahop/io/sample_sources.h"
#include "deltahop/io/zip.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLongestHeader = 70000;  // of NPY; all other magics are shorter
constexpr uint64_t kLargestList = uint64_t{64} << 20;

std::string start_of(const ByteSource& bytes) {
  return bytes.read(0, std::min(bytes.size(), kLongestHeader));
}

bool has_picture_suffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg";
}

// A file that is called a picture but is none counts, so that loading it says what is wrong; other files are
// left out.
bool is_picture_file(const fs::path& path) {
  if (has_picture_suffix(path)) return true;
  const auto bytes = file_bytes(path);
  const std::string start = bytes->read(0, std::min<uint64_t>(bytes->size(), 8));
  return is_png(start) || is_jpeg(start);
}

std::unique_ptr<LabelledSource> open_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code fault;
  for (fs::directory_iterator entry(folder, fault), end; !fault && entry != end; entry.increment(fault)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && is_picture_file(entry->path())) files.push_back(entry->path());
  }
  if (fault) throw Error(folder.string(), fmt::format("cannot be read: {}", fault.message()));
  if (files.empty())
    throw Error(folder.string(), "is a folder without PNG or JPEG pictures",
                "pictures in its own folders are not looked for");
  std::sort(files.begin(), files.end());
  return picture_files("folder", std::move(files));
}

// A text file: the table of a container, or a list of picture paths with or without labels.
std::unique_ptr<LabelledSource> open_list(const fs::path& path) {
  const Table table = parse_table(read_file(path, kLargestList), path.string());
  if (table.column({"offset"}) && table.column({"length"})) {
    fs::path container = path;
    return container_samples(container.replace_extension(".jpegs"), path);
  }
  const size_t file = table.column({"file"}).value_or(0);
  std::optional<size_t> label = table.column({"class_index", "label"});
  if (table.columns.empty() && !table.rows.empty() && table.rows.front().fields.size() > 1) label = 1;
  std::vector<fs::path> files;
  std::vector<int64_t> labels;
  for (const Table::Row& row : table.rows) {
    files.push_back(path.parent_path() / table.text(row, file));
    if (label) labels.push_back(table.whole_number(row, *label));
    std::error_code fault;
    if (!fs::is_regular_file(files.back(), fault)) {
      throw Error(fmt::format("{}:{}", path.string(), row.line),
                  fmt::format("names '{}', which is no file", table.text(row, file)),
                  "paths are taken from the list's own folder");
    }
  }
  if (files.empty()) throw Error(path.string(), "is a list without pictures");
  auto source = picture_files("list", std::move(files));
  if (label) source->set_labels(std::move(labels), path.string());
  return source;
}

std::unique_ptr<LabelledSource> open_idx(const fs::path& path, std::shared_ptr<const ByteSource> bytes) {
  const NpyHeader header = parse_idx_header(start_of(*bytes), path.string());
  const bool pictures = header.type == DataType::uint8 && header.shape.size() == 3;
  return array_samples("IDX file", path.filename().string(), std::move(bytes), header, pictures);
}

// CIFAR files have no magic: a dark first picture may look like the start of an IDX file.
bool idx_fits(std::string_view start, const ByteSource& bytes, std::string_view name) {
  const NpyHeader header = parse_idx_header(start, name);
  return bytes.size() - header.data_offset ==
         static_cast<uint64_t>(element_count(header.shape)) * byte_width(header.type);
}

std::unique_ptr<LabelledSource> open_npy(const fs::path& path, std::shared_ptr<const ByteSource> bytes) {
  const NpyHeader header = parse_npy_header(start_of(*bytes), path.string());
  if (header.fortran_order) return tensor_samples("NPY file", path.filename().string(), read_npy(path));
  return array_samples("NPY file", path.filename().string(), std::move(bytes), header, false);
}

std::unique_ptr<LabelledSource> open_npz(const fs::path& path) {
  std::map<std::string, Tensor> arrays = read_npz(path);
  static const std::vector<std::pair<std::string, std::string>> kNames = {{"x_test", "y_test"},
                                                                          {"inputs", "labels"}};
  const auto open = [&](const std::string& inputs, const std::string& labels) {
    auto source = tensor_samples("NPZ file", path.filename().string(), std::move(arrays.at(inputs)));
    const std::string place = fmt::format("{}/{}", path.string(), labels);
    if (arrays.count(labels) != 0) source->set_labels(labels_of(arrays.at(labels), place), place);
    return source;
  };
  for (const auto& [inputs, labels] : kNames) {
    if (arrays.count(inputs) != 0) return open(inputs, labels);
  }
  if (arrays.size() == 1) return open(arrays.begin()->first, "labels");
  throw Error(path.string(), "has no array 'x_test' or 'inputs'",
              "name the inputs so, or store one array only");
}

bool is_container_table(const fs::path& path) {
  std::error_code fault;
  if (!fs::is_regular_file(path, fault)) return false;
  const Table table = parse_table(read_file(path, kLargestList), path.string());
  return table.column({"offset"}) && table.column({"length"});
}

std::unique_ptr<LabelledSource> open_picture(const fs::path& path) {
  // Pictures one after another look like one picture: the table beside them tells.
  fs::path table = path;
  table.replace_extension(".csv");
  if (table != path && is_container_table(table)) return container_samples(path, table);
  return picture_files("picture file", {path});
}

std::unique_ptr<LabelledSource> open_file(const fs::path& path) {
  auto bytes = file_bytes(path);
  const std::string start = start_of(*bytes);
  if (start.empty()) throw Error(path.string(), "is empty");
  if (is_png(start) || is_jpeg(start)) return open_picture(path);
  if (is_npy(start)) return open_npy(path, std::move(bytes));
  if (is_zip(start)) return open_npz(path);
  if (is_gzip(start)) {
    auto unpacked = memory_bytes(gunzipped(read_file(path), path.string()));
    if (!is_idx(start_of(*unpacked)))
      throw Error(path.string(), "is gzip, but not of an IDX file", "unpack it first");
    return open_idx(path, std::move(unpacked));
  }
  if (is_plain_text(start)) return open_list(path);
  if (is_idx(start) && idx_fits(start, *bytes, path.string())) return open_idx(path, std::move(bytes));
  if (is_cifar(*bytes)) return cifar_samples(path.filename().string(), std::move(bytes));
  if (is_idx(start)) return open_idx(path, std::move(bytes));
  throw Error(path.string(), "holds no samples in a known form",
              "PNG, JPEG, a list, IDX, CIFAR-10, NPY and NPZ are read");
}

void apply_labels(LabelledSource& source, const std::string& path) {
  const Labels labels = read_labels(path);
  const std::vector<fs::path> files = source.files();
  if (!files.empty()) return source.set_labels(labels_for(labels, files), path);
  source.set_labels(labels.values, path);
}

}  // namespace

std::unique_ptr<SampleSource> open_samples(const fs::path& path, const SampleOptions& options) {
  std::error_code fault;
  auto source = fs::is_directory(path, fault) ? open_folder(path) : open_file(path);
  if (!options.labels.empty()) apply_labels(*source, options.labels);
  source->set_limit(options.limit);
  return source;
}

}  // namespace deltahop
