// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/name_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(NamePattern, ReadsLabelSpeakerAndTake) {
  const auto fields = NamePattern("{label}_{group}_{take}.wav", "r").match("7_jackson_32.wav");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->label, "7");
  EXPECT_EQ(fields->group, "jackson");
  EXPECT_EQ(fields->take, "32");
}

TEST(NamePattern, ReadsTheFolderAsTheWord) {
  const auto fields =
      NamePattern("{label}/{group}_nohash_{take}.wav", "r").match("right/0a7c2a8d_nohash_1.wav");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->label, "right");
  EXPECT_EQ(fields->group, "0a7c2a8d");
}

TEST(NamePattern, APlaceholderTakesMoreWhereTheRestWouldNotFit) {
  const auto fields = NamePattern("{label}_{take}.wav", "r").match("sea_waves_3.wav");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->label, "sea");  // as few as fit; a rest of any kind does
  EXPECT_EQ(NamePattern("{any}_x_{take}.wav", "r").match("a_b_x_3.wav")->take, "3");
}

TEST(NamePattern, NoPlaceholderReachesBeyondAFolderOrIsEmpty) {
  const NamePattern pattern("{label}_{take}.wav", "r");
  EXPECT_FALSE(pattern.match("a/b_1.wav"));
  EXPECT_FALSE(pattern.match("_1.wav"));
  EXPECT_FALSE(pattern.match("a_.wav"));
  EXPECT_FALSE(pattern.match("a_1.wav.bak"));
  EXPECT_FALSE(pattern.match(""));
  EXPECT_FALSE(pattern.match(std::string(100000, '_')));
}

TEST(NamePattern, BadPatternsAreToldWithTheReason) {
  EXPECT_THAT([] { NamePattern("{word}.wav", "r"); },
              ThrowsMessage<Error>(HasSubstr("'{word}' in the pattern is not known")));
  EXPECT_THAT([] { NamePattern("{label}_{label}", "r"); }, ThrowsMessage<Error>(HasSubstr("there twice")));
  EXPECT_THAT([] { NamePattern("{label}{take}", "r"); }, ThrowsMessage<Error>(HasSubstr("touch")));
  EXPECT_THAT([] { NamePattern("{label", "r"); }, ThrowsMessage<Error>(HasSubstr("has no '}'")));
}

}  // namespace
}  // namespace deltahop
