// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/text.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/report/number_text.h"
#include "deltahop/report/sample_report_test.h"
#include "deltahop/report/utf8.h"

namespace deltahop {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TextTableTest, NumbersStandRightAndWordsLeft) {
  const TextTable table{{"name", "n"}, "<>", {{"a", "1"}, {"bcdefg", "1234"}}, {"total", "1235"}};
  EXPECT_EQ(to_text(table, {.unicode = false}),
            "name       n\n"
            "------------\n"
            "a          1\n"
            "bcdefg  1234\n"
            "------------\n"
            "total   1235\n");
}

TEST(TextTableTest, ItFitsTheWidthByCuttingWordsNeverNumbers) {
  const TextTable table{{"name", "cycles"}, "<>", {{"a very long name of a layer", "123456789"}}, {}};
  for (const std::string& line : lines_of(to_text(table, {.width = 24})))
    EXPECT_LE(display_width(line), 24) << line;
  EXPECT_THAT(to_text(table, {.width = 24}),
              testing::AllOf(testing::HasSubstr("123456789"), testing::HasSubstr("…")));
  EXPECT_THAT(to_text(table, {.width = 0}), testing::HasSubstr("a very long name of a layer"));
}

TEST(TextTableTest, NothingIsCutWhereCuttingIsOff) {
  const TextTable table{{"layer", "kind"}, "~<", {{"inception_3a/3x3_reduce", "conv 1x1/1 192->96"}}, {}};
  const std::string text = to_text(table, {.width = 18, .cut = false});
  EXPECT_THAT(text, testing::HasSubstr("inception_3a/3x3_reduce  conv 1x1/1 192->96"));
  EXPECT_EQ(natural_width(table, {}), 23 + 2 + 18);
}

TEST(TextTableTest, NamesKeepTheirEnd) {
  const TextTable table{{"layer", "n"}, "~>", {{"inception_3a/3x3_reduce", "1"}}, {}};
  EXPECT_THAT(to_text(table, {.width = 18}), testing::HasSubstr("_3a/3x3_reduce"));
}

TEST(TextTableTest, WideAndCombiningLettersKeepColumnsAligned) {
  const TextTable table{{"name", "n"}, "<>", {{"日本", "1"}, {"e\xCC\x81t", "2"}, {"abcd", "3"}}, {}};
  for (const std::string& line : lines_of(to_text(table, {}))) EXPECT_EQ(display_width(line), 7) << line;
}

TEST(TextTableTest, ControlCharactersInNamesReachNoTerminal) {
  const TextTable table{{"name"},
                        "<",
                        {{"a\x1b[31mred\a\n"},
                         {"bad \xFF byte"},
                         {"\xE2\x80\xAE"
                          "over"}},
                        {}};
  const std::string text = to_text(table, {});
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1b")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\xFF")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\xE2\x80\xAE")));
  EXPECT_EQ(lines_of(text).size(), 5u);
}

TEST(TextTest, WithoutUnicodeAndColourThereIsPlainAsciiOnly) {
  for (const Report& report : {straight_sample_report(), branchy_sample_report(), profile_sample_report()}) {
    for (const char letter : to_text(report, {.width = 120, .colour = false, .unicode = false})) {
      EXPECT_TRUE(letter == '\n' || (letter >= ' ' && letter <= '~')) << static_cast<int>(letter);
    }
  }
}

TEST(TextTest, ColourIsUsedOnlyWhereItIsAskedFor) {
  const Report report = straight_sample_report();
  EXPECT_THAT(to_text(report, {.colour = true}), testing::HasSubstr("\x1b[1m"));
  EXPECT_THAT(to_text(report, {.colour = false}), testing::Not(testing::HasSubstr("\x1b")));
}

TEST(TextTest, ItSaysWhatIsOffTheChipAndWhatDiffersFromThePaper) {
  const std::string text = to_text(straight_sample_report(), {.width = 0});
  EXPECT_THAT(text, testing::HasSubstr("on the host"));
  EXPECT_THAT(text, testing::HasSubstr("skipped operations counted as done"));
  EXPECT_THAT(text, testing::HasSubstr("published: 15.5 G, [Sze2017] table II"));
  EXPECT_THAT(text, testing::HasSubstr("471 GOp/s"));
  EXPECT_THAT(text, testing::HasSubstr("0 of"));
}

TEST(TextTest, TheKindOfALayerGivesWayToNamesAndNumbers) {
  Report report = straight_sample_report();
  const std::string kind = report.layers.at(0).kind;
  EXPECT_THAT(to_text(report, {.width = 0}), testing::HasSubstr(kind));
  EXPECT_THAT(to_text(report, {.width = 80}), testing::Not(testing::HasSubstr(kind.substr(0, 12))));
  report.layers.at(0).name = std::string(90, 'n') + "/conv";
  EXPECT_THAT(to_text(report, {.width = 100, .cut = false}), testing::HasSubstr(report.layers[0].name));
}

TEST(TextTest, WhereTheChipsEnergyIsUnknownOnlyThatOfDramIsShown) {
  Report report = straight_sample_report();
  for (LayerRow& layer : report.layers) {
    if (!layer.energy) continue;
    layer.energy->has_core = false;
    layer.energy->core.clear();
  }
  const std::string text = to_text(report, {.width = 0});
  EXPECT_THAT(text, testing::HasSubstr("of DRAM; that of the chip is not known"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("Op/s/W")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr(" core,")));
}

TEST(TextTest, SaturatedResultsStandInTheirLayersRow) {
  Report report = straight_sample_report();
  for (LayerRow& layer : report.layers) layer.saturated = 0;
  EXPECT_THAT(to_text(report, {.width = 0}), testing::Not(testing::HasSubstr("saturated")));
  report.layers.at(1).saturated = 91827;
  std::vector<std::string> found;
  for (const std::string& line : lines_of(to_text(report, {.width = 0}))) {
    if (line.find("91827") != std::string::npos) found.push_back(line.substr(0, line.find(' ')));
  }
  EXPECT_THAT(found, testing::ElementsAre(report.layers[1].name, "total"));
}

TEST(NumberTextTest, FractionsCloseToTheWholeAreNotRoundedUpToIt) {
  EXPECT_EQ(percent_text(0.99996), "99.99 %");
  EXPECT_EQ(percent_text(1.0), "100.0 %");
  EXPECT_EQ(percent_text(3.68), "368.0 %");
  EXPECT_EQ(percent_text(0.7341), "73.4 %");
}

TEST(NumberTextTest, LinesAreBrokenBetweenWordsBelowTheBullet) {
  EXPECT_EQ(wrapped("aa bb cc dd", 9, "  * "), "  * aa bb\n    cc dd\n");
}

}  // namespace
}  // namespace deltahop
