// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/error.h"

#include <gtest/gtest.h>

namespace deltahop {
namespace {

TEST(Error, IsPlaceWhatAndHintInOneLine) {
  EXPECT_STREQ(Error("net.onnx", "is empty", "export it again").what(),
               "net.onnx: is empty; export it again");
  EXPECT_STREQ(Error("", "is empty").what(), "is empty");
  EXPECT_STREQ(Error("a\nb", "c\r\nd").what(), "a b: c  d");
}

TEST(Error, SuggestsTheNearestWord) {
  const std::vector<std::string> known = {"mac_units", "clock", "kernel_memory"};
  EXPECT_EQ(nearest_word("mac_unit", known), "mac_units");
  EXPECT_EQ(nearest_word("clokc", known), "clock");  // two neighbours swapped: one slip
  EXPECT_EQ(nearest_word("colkc", known), "");       // two slips in five letters are a guess
  EXPECT_EQ(nearest_word("clck", known), "clock");
  EXPECT_EQ(nearest_word("kernel_memry", known), "kernel_memory");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word("voltage", known), "");
}

TEST(Error, TheFirstOfEquallyNearWordsWins) { EXPECT_EQ(nearest_word("bat", {"cat", "hat"}), "cat"); }

TEST(Error, ListsWhatIsKnownWhereNothingIsNear) {
  EXPECT_EQ(suggest("clck", {"clock"}), "did you mean 'clock'?");
  EXPECT_EQ(suggest("voltage", {"clock", "reset"}), "known: clock, reset");
  EXPECT_EQ(suggest("voltage", {}), "");
}

TEST(Error, AFailedCheckSaysWhere) {
  try {
    DELTAHOP_CHECK(1 + 1 == 3);
    FAIL() << "nothing was thrown";
  } catch (const Error&) {
    FAIL() << "our fault was reported as the user's";
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("error_test.cc"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("1 + 1 == 3"), std::string::npos);
  }
}

}  // namespace
}  // namespace deltahop
