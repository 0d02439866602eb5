// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/sample_sources.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/io/csv.h"
#include "deltahop/io/picture.h"

namespace deltahop {
namespace {

constexpr uint64_t kLargestPictureFile = uint64_t{256} << 20;
constexpr int64_t kCifarSide = 32, kCifarPlane = kCifarSide * kCifarSide, kCifarRecord = 1 + 3 * kCifarPlane;
constexpr int kCifarClasses = 10;

class PictureFiles : public LabelledSource {
 public:
  PictureFiles(std::string kind, std::vector<std::filesystem::path> files)
      : LabelledSource(std::move(kind), static_cast<int64_t>(files.size())), files_(std::move(files)) {}
  std::vector<std::filesystem::path> files() const override { return files_; }

 protected:
  Sample decode(int64_t index) const override {
    const std::filesystem::path& path = files_[static_cast<size_t>(index)];
    return {path.filename().string(), decode_picture(read_file(path, kLargestPictureFile), path.string()),
            true, std::nullopt};
  }

 private:
  std::vector<std::filesystem::path> files_;
};

class ArraySamples : public LabelledSource {
 public:
  ArraySamples(std::string kind, std::string name, std::shared_ptr<const ByteSource> bytes,
               const NpyHeader& header, bool as_pictures)
      : LabelledSource(std::move(kind), header.shape.at(0)),
        name_(std::move(name)),
        bytes_(std::move(bytes)),
        header_(header),
        as_pictures_(as_pictures),
        shape_(header.shape.begin() + 1, header.shape.end()) {
    bytes_per_sample_ = static_cast<uint64_t>(element_count(shape_)) * byte_width(header.type);
    const uint64_t wanted = static_cast<uint64_t>(size()) * bytes_per_sample_;
    const uint64_t given = bytes_->size() - header_.data_offset;
    if (given != wanted) {
      throw Error(name_,
                  fmt::format("holds {} bytes of elements, its shape {} needs {}", given,
                              to_text(header.shape), wanted),
                  given < wanted ? "the file is cut off" : "something follows the array");
    }
  }

 protected:
  Sample decode(int64_t index) const override {
    const uint64_t offset = header_.data_offset + static_cast<uint64_t>(index) * bytes_per_sample_;
    Tensor values = npy_elements(bytes_->read(offset, bytes_per_sample_), header_, shape_);
    if (as_pictures_) values = std::move(values).reshaped({shape_[0], shape_[1], 1});
    return {fmt::format("{}[{}]", name_, index), std::move(values), as_pictures_, std::nullopt};
  }

 private:
  std::string name_;
  std::shared_ptr<const ByteSource> bytes_;
  NpyHeader header_;
  bool as_pictures_;
  Shape shape_;
  uint64_t bytes_per_sample_ = 0;
};

class CifarSamples : public LabelledSource {
 public:
  CifarSamples(std::string name, std::shared_ptr<const ByteSource> bytes)
      : LabelledSource("CIFAR-10 file", static_cast<int64_t>(bytes->size()) / kCifarRecord),
        name_(std::move(name)),
        bytes_(std::move(bytes)) {}

 protected:
  Sample decode(int64_t index) const override {
    const std::string record = bytes_->read(static_cast<uint64_t>(index * kCifarRecord), kCifarRecord);
    Tensor picture(DataType::uint8, {kCifarSide, kCifarSide, 3});
    const auto pixels = picture.values<uint8_t>();
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(record[1 + i % 3 * kCifarPlane + i / 3]);
    return {fmt::format("{}[{}]", name_, index), std::move(picture), true, static_cast<uint8_t>(record[0])};
  }

 private:
  std::string name_;
  std::shared_ptr<const ByteSource> bytes_;
};

class ContainerSamples : public LabelledSource {
 public:
  struct Place {
    uint64_t offset = 0, length = 0;
  };
  ContainerSamples(std::string name, std::shared_ptr<const ByteSource> bytes, std::vector<Place> places)
      : LabelledSource("picture container", static_cast<int64_t>(places.size())),
        name_(std::move(name)),
        bytes_(std::move(bytes)),
        places_(std::move(places)) {}

 protected:
  Sample decode(int64_t index) const override {
    const Place& place = places_[static_cast<size_t>(index)];
    std::string name = fmt::format("{}[{}]", name_, index);
    Tensor picture = decode_picture(bytes_->read(place.offset, place.length), name);
    return {std::move(name), std::move(picture), true, std::nullopt};
  }

 private:
  std::string name_;
  std::shared_ptr<const ByteSource> bytes_;
  std::vector<Place> places_;
};

}  // namespace

std::string LabelledSource::description() const {
  const bool labelled = !labels_.empty() || (count_ > 0 && kind_.starts_with("CIFAR"));
  return fmt::format("{} of {} samples, {}", kind_, count_, labelled ? "labelled" : "without labels");
}

Sample LabelledSource::load(int64_t index) const {
  DELTAHOP_CHECK(index >= 0 && index < count_);
  Sample sample = decode(index);
  if (!labels_.empty()) sample.label = labels_[static_cast<size_t>(index)];
  return sample;
}

void LabelledSource::set_labels(std::vector<int64_t> labels, std::string_view place) {
  if (static_cast<int64_t>(labels.size()) != count_) {
    throw Error(place, fmt::format("has {} labels for {} samples", labels.size(), count_),
                "do the two files belong together?");
  }
  labels_ = std::move(labels);
}

void LabelledSource::set_limit(int64_t limit) {
  if (limit >= 0) count_ = std::min(count_, limit);
}

std::unique_ptr<LabelledSource> picture_files(std::string kind, std::vector<std::filesystem::path> files) {
  return std::make_unique<PictureFiles>(std::move(kind), std::move(files));
}

std::unique_ptr<LabelledSource> array_samples(std::string kind, std::string name,
                                              std::shared_ptr<const ByteSource> bytes,
                                              const NpyHeader& header, bool as_pictures) {
  if (header.shape.empty())
    throw Error(name, "is a single number", "the first dimension of an array counts its samples");
  return std::make_unique<ArraySamples>(std::move(kind), std::move(name), std::move(bytes), header,
                                        as_pictures);
}

std::unique_ptr<LabelledSource> tensor_samples(std::string kind, std::string name, Tensor tensor) {
  NpyHeader header;
  header.type = tensor.type();
  header.shape = tensor.shape();
  const auto bytes = tensor.bytes();
  return array_samples(std::move(kind), std::move(name),
                       memory_bytes(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())),
                       header, false);
}

bool is_cifar(const ByteSource& bytes) {
  if (bytes.size() == 0 || bytes.size() % kCifarRecord != 0) return false;
  constexpr uint64_t kRecordsAtOnce = 256;
  for (uint64_t offset = 0; offset < bytes.size(); offset += kRecordsAtOnce * kCifarRecord) {
    const std::string block =
        bytes.read(offset, std::min<uint64_t>(kRecordsAtOnce * kCifarRecord, bytes.size() - offset));
    for (size_t at = 0; at < block.size(); at += kCifarRecord) {
      if (static_cast<uint8_t>(block[at]) >= kCifarClasses) return false;
    }
  }
  return true;
}

std::unique_ptr<LabelledSource> cifar_samples(std::string name, std::shared_ptr<const ByteSource> bytes) {
  return std::make_unique<CifarSamples>(std::move(name), std::move(bytes));
}

std::unique_ptr<LabelledSource> container_samples(const std::filesystem::path& container,
                                                  const std::filesystem::path& table_path) {
  const Table table = parse_table(read_file(table_path, kLargestPictureFile), table_path.string());
  const auto offset = table.column({"offset"}), length = table.column({"length"}),
             label = table.column({"label", "class_index"});
  if (!offset || !length) throw Error(table_path.string(), "has no columns 'offset' and 'length'");
  auto bytes = file_bytes(container);
  std::vector<ContainerSamples::Place> places;
  std::vector<int64_t> labels;
  for (const Table::Row& row : table.rows) {
    const ContainerSamples::Place place{static_cast<uint64_t>(table.whole_number(row, *offset)),
                                        static_cast<uint64_t>(table.whole_number(row, *length))};
    if (place.offset > bytes->size() || place.length > bytes->size() - place.offset) {
      throw Error(fmt::format("{}:{}", table_path.string(), row.line),
                  fmt::format("points beyond the end of '{}'", container.filename().string()));
    }
    places.push_back(place);
    if (label) labels.push_back(table.whole_number(row, *label));
  }
  auto source =
      std::make_unique<ContainerSamples>(container.filename().string(), std::move(bytes), std::move(places));
  if (label) source->set_labels(std::move(labels), table_path.string());
  return source;
}

}  // namespace deltahop
