// SPDX-License-Identifier: Apache-2.0
// The kinds of sample sources behind open_samples: each knows where its samples lie and decodes one at a
// time.
#pragma once

#include "deltahop/io/byte_source.h"
#include "deltahop/io/npy_header.h"
#include "deltahop/io/samples.h"

namespace deltahop {

// What all sources share: how many samples, their labels, a word for reports.
class LabelledSource : public SampleSource {
 public:
  LabelledSource(std::string kind, int64_t count) : kind_(std::move(kind)), count_(count) {}
  int64_t size() const override { return count_; }
  std::string description() const override;
  Sample load(int64_t index) const override;

  // Throws Error (place: `place`) where there are not as many labels as samples.
  void set_labels(std::vector<int64_t> labels, std::string_view place);
  void set_limit(int64_t limit);
  // For labels given by file name; empty where samples have no files.
  virtual std::vector<std::filesystem::path> files() const { return {}; }

 protected:
  virtual Sample decode(int64_t index) const = 0;

 private:
  std::string kind_;
  int64_t count_ = 0;
  std::vector<int64_t> labels_;  // empty, or one a sample
};

// `kind` is what description() says, for example "folder".
std::unique_ptr<LabelledSource> picture_files(std::string kind, std::vector<std::filesystem::path> files);
// Elements of header.shape[0] samples one after another; `as_pictures` turns uint8 [H, W] samples into
// pictures.
std::unique_ptr<LabelledSource> array_samples(std::string kind, std::string name,
                                              std::shared_ptr<const ByteSource> bytes,
                                              const NpyHeader& header, bool as_pictures);
std::unique_ptr<LabelledSource> tensor_samples(std::string kind, std::string name, Tensor tensor);
// CIFAR-10's binary form [Krizhevsky2009]: records of a label and three planes of 32x32.
bool is_cifar(const ByteSource& bytes);
std::unique_ptr<LabelledSource> cifar_samples(std::string name, std::shared_ptr<const ByteSource> bytes);
// Pictures one after another in one file; `table` has the columns offset, length, and perhaps label.
std::unique_ptr<LabelledSource> container_samples(const std::filesystem::path& container,
                                                  const std::filesystem::path& table);

}  // namespace deltahop
