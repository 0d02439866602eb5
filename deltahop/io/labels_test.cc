// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/labels.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NamedLabels : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("deltahop_labels_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name, const std::string& content) const {
    write_file(folder_ / name, content);
    return folder_ / name;
  }
  fs::path folder_;
};

TEST_F(NamedLabels, TakeTheOrderOfTheNetworksClasses) {
  const auto classes = read_class_names(file("labels.txt", "_silence_\r\n_unknown_\nyes\nno"));
  EXPECT_THAT(classes, ElementsAre("_silence_", "_unknown_", "yes", "no"));
  const Labels labels = read_labels(
      file("labels.csv", "file,label,word\na.wav,7,Yes\nb.wav,8,Silence\nc.wav,9,NO\nd.wav,0,unknown\n"),
      classes);
  EXPECT_THAT(labels.values, ElementsAre(2, 0, 3, 1));
  EXPECT_THAT(labels.files, ElementsAre("a.wav", "b.wav", "c.wav", "d.wav"));
}

TEST_F(NamedLabels, AWordThatIsNoClassIsNamedWithItsLine) {
  const fs::path table = file("labels.csv", "file,word\na.wav,yes\nb.wav,ye\n");
  try {
    read_labels(table, {"yes", "no"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("labels.csv:3: 'ye' is no class; did you mean 'yes'?"));
  }
}

}  // namespace
}  // namespace deltahop
