// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// A folder of its own for each test, removed at its end.
class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("deltahop_files_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  size_t entries(const std::filesystem::path& path) const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
  }
  static std::string fault_of(const std::function<void()>& function) {
    try {
      function();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(Files, WhatIsWrittenIsRead) {
  const std::string content("a\0b\n\xff", 5);
  write_file(folder_ / "file", content);
  EXPECT_EQ(read_file(folder_ / "file"), content);
  write_file(folder_ / "file", "");
  EXPECT_EQ(read_file(folder_ / "file"), "");
}

TEST_F(Files, MissingFoldersAreMadeAndNothingElseIsLeft) {
  write_file(folder_ / "one" / "two" / "file", "text");
  EXPECT_EQ(read_file(folder_ / "one" / "two" / "file"), "text");
  EXPECT_EQ(entries(folder_ / "one" / "two"), 1u);
}

TEST_F(Files, AFailedWriteLeavesTheOldFileAndNoHalfOne) {
  // The target is a folder: the new file is written, but cannot take its place.
  std::filesystem::create_directories(folder_ / "target" / "inside");
  EXPECT_NE(fault_of([&] { write_file(folder_ / "target", "new"); }), "");
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "target" / "inside"));
  EXPECT_EQ(entries(folder_), 1u);
}

TEST_F(Files, AFileWhereAFolderShouldBeIsNamed) {
  write_file(folder_ / "file", "old");
  EXPECT_NE(fault_of([&] { write_file(folder_ / "file" / "below", "new"); }).find("below: cannot be written"),
            std::string::npos);
  EXPECT_EQ(read_file(folder_ / "file"), "old");
}

TEST_F(Files, ReadingSaysWhatIsWrongWithThePath) {
  EXPECT_NE(fault_of([&] { read_file(folder_ / "none"); }).find("none: no such file"), std::string::npos);
  EXPECT_NE(fault_of([&] { read_file(folder_); }).find("is a folder"), std::string::npos);
}

TEST_F(Files, LargerThanTheLimitIsRefused) {
  write_file(folder_ / "file", "12345");
  EXPECT_EQ(read_file(folder_ / "file", 5), "12345");
  EXPECT_NE(fault_of([&] { read_file(folder_ / "file", 4); }).find("5 bytes, more than the 4"),
            std::string::npos);
}

TEST_F(Files, APipeIsReadToItsEndAndNotBeyondTheLimit) {
  const auto pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string content(200000, 'x');
  for (const uint64_t limit : {uint64_t{1000000}, uint64_t{100000}}) {
    std::thread writer([&] {
      std::FILE* file = std::fopen(pipe.c_str(), "wb");
      std::fwrite(content.data(), 1, content.size(), file);
      std::fclose(file);
    });
    if (limit > content.size()) {
      EXPECT_EQ(read_file(pipe, limit), content);
    } else {
      std::signal(SIGPIPE, SIG_IGN);
      EXPECT_NE(fault_of([&] { read_file(pipe, limit); }), "");
    }
    writer.join();
  }
}

}  // namespace
}  // namespace deltahop
