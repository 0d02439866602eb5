// SPDX-License-Identifier: Apache-2.0
// For tests: a folder of data that lives as long as the test, and small files in it.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/files.h"
#include "deltahop/io/npz.h"
#include "deltahop/train/dataset.h"

namespace deltahop {

class DataFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("deltahop_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The section that a recipe in the folder would have.
  DataSection section(const std::string& text) const {
    const Config config = Config::from_text(text, "r.yaml");
    DataSection section = read_data_section(config);
    config.finish();
    section.recipe_folder = folder_;
    return section;
  }
  // n examples of the shape, every value the example's number, labels 0, 1, 2, 0, 1, ...
  void write_examples(const std::string& name, int64_t n, Shape shape) const {
    shape.insert(shape.begin(), n);
    Tensor inputs(DataType::float32, shape), labels(DataType::int64, {n});
    const int64_t each = inputs.size() / n;
    for (int64_t i = 0; i < inputs.size(); ++i)
      inputs.values<float>()[static_cast<size_t>(i)] = static_cast<float>(i / each);
    for (int64_t i = 0; i < n; ++i) labels.values<int64_t>()[static_cast<size_t>(i)] = i % 3;
    write_npz({{"inputs", inputs}, {"labels", labels}}, folder_ / name);
  }

  std::filesystem::path folder_;
};

inline std::vector<float> floats(const torch::Tensor& tensor) {
  const torch::Tensor whole = tensor.contiguous();
  return {whole.data_ptr<float>(), whole.data_ptr<float>() + whole.numel()};
}
inline std::vector<int64_t> integers(const torch::Tensor& tensor) {
  const torch::Tensor whole = tensor.contiguous();
  return {whole.data_ptr<int64_t>(), whole.data_ptr<int64_t>() + whole.numel()};
}

}  // namespace deltahop
