// SPDX-License-Identifier: Apache-2.0
// Class labels from a file beside the inputs: a table (columns file and class_index or label, or one label a
// line), IDX, or NPY.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct Labels {
  std::string name;                // place of errors
  std::vector<std::string> files;  // empty where labels are in the order of the inputs
  std::vector<int64_t> values;
};

// Throws Error on a file that is none of these, and on negative labels.
Labels read_labels(const std::filesystem::path& path);
// For a network whose classes are in another order than the file's numbers: the label is the place among
// `class_names` of the word in the table's column class_name, word, name, class or label; case and marks
// around it do not matter ("Silence" is "_silence_"). Throws Error naming the first word that is no class.
Labels read_labels(const std::filesystem::path& path, const std::vector<std::string>& class_names);
// A text file with a name a line, in the order of the network's outputs.
std::vector<std::string> read_class_names(const std::filesystem::path& path);
// Integers [N] or [N, 1], or one-hot rows [N, classes].
std::vector<int64_t> labels_of(const Tensor& tensor, std::string_view name);
// The labels of these files, found by their whole path as written or by the last part of it. Throws Error
// naming the first file without a label, or with two different ones.
std::vector<int64_t> labels_for(const Labels& labels, const std::vector<std::filesystem::path>& files);

}  // namespace deltahop
