// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/data_section.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

DataSection section_of(const std::string& text) {
  const Config config = Config::from_text(text, "r.yaml");
  DataSection section = read_data_section(config);
  config.finish();
  return section;
}

std::vector<std::string> faults_of(const std::string& text) {
  const Config config = Config::from_text(text, "r.yaml");
  read_data_section(config);
  return config.faults();
}

// Sets the variable for one test, and puts back what was there.
class DataVariable {
 public:
  explicit DataVariable(const std::string& value) {
    if (const char* const old = std::getenv("DELTAHOP_DATA")) old_ = old;
    ::setenv("DELTAHOP_DATA", value.c_str(), 1);
  }
  DataVariable(const DataVariable&) = delete;
  DataVariable& operator=(const DataVariable&) = delete;
  ~DataVariable() { old_ ? ::setenv("DELTAHOP_DATA", old_->c_str(), 1) : ::unsetenv("DELTAHOP_DATA"); }

 private:
  std::optional<std::string> old_;
};

TEST(DataSection, AKnownSetBringsItsFolderAndFiles) {
  const DataSection section = section_of("set: mnist\n");
  EXPECT_EQ(section.folder, "mnist");
  ASSERT_EQ(section.train.size(), 1);
  EXPECT_EQ(section.train[0].labels, "train-labels-idx1-ubyte.gz");
  EXPECT_FALSE(section.sound);
}

TEST(DataSection, FilesOfTheRecipeTakeThePlaceOfTheSets) {
  const DataSection section =
      section_of("set: cifar10\ntrain: [a.bin, {inputs: b.npy, labels: b.csv}]\ntest: c.bin\n");
  ASSERT_EQ(section.train.size(), 2);
  EXPECT_EQ(section.train[1].labels, "b.csv");
  ASSERT_EQ(section.test.size(), 1);
  EXPECT_EQ(section.test[0].inputs, "c.bin");
}

TEST(DataSection, SpokenDigitsBringTheRuleOfTheirNames) {
  const DataSection section = section_of("set: spoken_digits\nsound: {leave_one_group_out: true}\n");
  ASSERT_TRUE(section.sound);
  EXPECT_EQ(section.sound->pattern, "{label}_{group}_{take}.wav");
}

TEST(DataSection, TheTestOfSoundsIsFoundInOneWay) {
  EXPECT_THAT(faults_of("set: spoken_digits\n"), Contains(HasSubstr("0 ways to find the test")));
  EXPECT_THAT(faults_of("set: spoken_digits\nsound: {leave_one_group_out: true, test_takes: [0]}\n"),
              Contains(HasSubstr("2 ways to find the test")));
}

TEST(DataSection, NumbersOutOfRangeAreFaults) {
  EXPECT_THAT(faults_of("set: mnist\naugment: {shift: -1}\n"), Contains(HasSubstr("-1 is out of range")));
  EXPECT_THAT(faults_of("set: mnist\nvalidation_fraction: 1.5\n"),
              Contains(HasSubstr("1.5 is out of range")));
  EXPECT_THAT(faults_of("set: spoken_digits\n"
                        "sound: {test_takes: [0], mix: {noise: [n], snr_dB: [900]}}\n"),
              Contains(HasSubstr("900 dB is out of range")));
}

TEST(DataSection, AugmentationOfPicturesIsRefusedForSound) {
  EXPECT_THAT(faults_of("set: spoken_digits\nsound: {test_takes: [0]}\naugment: {flip: true}\n"),
              Contains(HasSubstr("is for pictures")));
}

TEST(DataSection, AnUnknownSetIsToldWithTheNearest) {
  EXPECT_THAT(faults_of("set: minst\n"), Contains(HasSubstr("did you mean 'mnist'")));
}

TEST(DataSection, MissingDataSayInOneLineWhereTheyWereLookedForAndHowToGetThem) {
  const DataVariable variable("/nowhere");
  DataSection section = section_of("set: mnist\n");
  section.recipe_folder = "recipes";
  EXPECT_THAT(
      [&] { data_folder(section); },
      ThrowsMessage<Error>(AllOf(
          HasSubstr("r.yaml"), HasSubstr("'recipes/mnist'"), HasSubstr("'/nowhere/mnist' (DELTAHOP_DATA)"),
          HasSubstr("MNIST database of handwritten digits"), testing::Not(HasSubstr("\n")))));
}

TEST(DataSection, AMissingFileIsToldWithItsFolder) {
  const fs::path folder = fs::path(testing::TempDir()) / "deltahop_data_section";
  write_file(folder / "mnist/t10k-images-idx3-ubyte.gz", "");
  const DataVariable variable(folder.string());
  const DataSection section = section_of("set: mnist\n");
  EXPECT_EQ(data_file(section, "t10k-images-idx3-ubyte.gz"), folder / "mnist/t10k-images-idx3-ubyte.gz");
  EXPECT_THAT([&] { data_file(section, "train-images-idx3-ubyte.gz"); },
              ThrowsMessage<Error>(HasSubstr("'train-images-idx3-ubyte.gz' is not in")));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace deltahop
