// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string fault_of_csv(std::string_view text) {
  try {
    parse_csv_frames(text, "pen.csv");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CsvFrames, AreReadRowAfterRowWithOrWithoutALineOfNames) {
  EXPECT_THAT(parse_csv_frames("1,2\n3,-4.5e1\n", "x"), ElementsAre(1, 2, 3, -45));
  EXPECT_THAT(parse_csv_frames("time,pressure\n# at rest\n1, 2\n", "x"), ElementsAre(1, 2));
  EXPECT_THAT(parse_csv_frames("label,offset\n1,2\n", "x"), ElementsAre(1, 2));
  EXPECT_THAT(parse_csv_frames("time,pressure\n", "x"), IsEmpty());
}

TEST(CsvFrames, FaultsSayTheLine) {
  EXPECT_EQ(fault_of_csv("1,2\n\n3,x\n"), "pen.csv:3: is no row of numbers");
  EXPECT_EQ(fault_of_csv("1,2\n3,nan\n"), "pen.csv:2: is no row of numbers");
  EXPECT_EQ(fault_of_csv("1,2\n3,1e99\n"), "pen.csv:2: is no row of numbers");
  EXPECT_EQ(fault_of_csv("label\none\n"), "pen.csv:2: is no row of numbers");
  EXPECT_EQ(fault_of_csv("1,2\n3\n4,5,6\n"), "pen.csv:2: is a row of 1, those above have 2");
}

TEST(CsvFrames, AListOfFilesHoldsNone) {
  EXPECT_TRUE(holds_csv_frames("a,b\n1,2\n", "x"));
  EXPECT_FALSE(holds_csv_frames("file,label\none.png,1\n", "x"));
  EXPECT_FALSE(holds_csv_frames("# nothing\n", "x"));
}

TEST(RawFrames, AreTheirBytes) {
  EXPECT_THAT(parse_raw_frames(bytes_of({1, -2.5F}), "x"), ElementsAre(1, -2.5F));
  EXPECT_THAT(parse_raw_frames("", "x"), IsEmpty());
}

TEST(RawFrames, OtherBytesAreRefused) {
  EXPECT_THROW(parse_raw_frames("abcde", "x"), Error);
  EXPECT_THROW(parse_raw_frames(bytes_of({1, std::numeric_limits<float>::quiet_NaN()}), "x"), Error);
  EXPECT_THROW(parse_raw_frames(bytes_of({std::numeric_limits<float>::infinity()}), "x"), Error);
}

}  // namespace
}  // namespace deltahop
