// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/ranges.h"

#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

std::string fault_of(std::string_view text) {
  try {
    parse_ranges(text, "ranges.txt");
  } catch (const Error& error) {
    return std::string(error.what()).substr(0, std::string(error.what()).find(';'));
  }
  return "";
}

TEST(Ranges, ComeBackAsTheyWereWritten) {
  const Ranges ranges = {{"gru1.x", 0.1}, {"model/fc=2.x", 3.5}, {"gru1.h", 0}};
  EXPECT_EQ(parse_ranges(text_of(ranges), "ranges.txt"), ranges);
}

TEST(Ranges, SkipCommentsAndEmptyLines) {
  EXPECT_EQ(parse_ranges("# of ten recordings\n\ngru1.x=2\r\n", "ranges.txt"), (Ranges{{"gru1.x", 2.0}}));
}

TEST(Ranges, NameTheLineThatIsNone) {
  EXPECT_EQ(fault_of("gru1.x=2\ngru1.h\n"), "ranges.txt:2: is no range");
  EXPECT_EQ(fault_of("gru1.x=two"), "ranges.txt:1: has no number");
  EXPECT_EQ(fault_of("gru1.x=-1"), "ranges.txt:1: has no number");
  EXPECT_EQ(fault_of("gru1.x=inf"), "ranges.txt:1: has no number");
  EXPECT_EQ(fault_of("gru1.x=1\ngru1.x=2"), "ranges.txt:2: says the same thing twice");
}

}  // namespace
}  // namespace deltahop
