// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::Not;

Findings sample() {
  Findings findings;
  findings.title = "net <1> step by step";
  findings.command = "run";
  findings.lead = "It skipped 75 %.";
  findings.figures = {{"sparsity_fraction", "columns skipped", 0.75, NumberStyle::percent, "weighted"},
                      {"latency_s", "latency", std::nullopt, NumberStyle::seconds, ""}};
  FindingsTable table{"streams",
                      "Streams",
                      "",
                      {{"layer", "layer", NumberStyle::plain, true},
                       {"read_bytes", "read", NumberStyle::bytes},
                       {"rows", "rows", NumberStyle::count, false, true}},
                      {{std::string("gru,1"), 2048.0, 16.0}, {std::string("fc"), std::monostate(), 4.0}}};
  findings.tables.push_back(std::move(table));
  findings.notes = {"A note."};
  return findings;
}

TEST(Findings, AsTextShowWhatIsKnownAndWhatIsForPeople) {
  const std::string text = to_text(sample(), TextOptions{.width = 0, .colour = false, .unicode = true});
  EXPECT_THAT(text, HasSubstr("columns skipped               75.0 %, weighted"));
  EXPECT_THAT(text, HasSubstr("2.05 kB"));
  EXPECT_THAT(text, HasSubstr("A note."));
  EXPECT_THAT(text, Not(HasSubstr("latency")));
  EXPECT_THAT(text, Not(HasSubstr("rows")));
}

TEST(Findings, AsCsvHoldEveryColumnInFullPrecision) {
  EXPECT_EQ(to_csv(sample()), "layer,read_bytes,rows\r\n\"gru,1\",2048,16\r\nfc,,4\r\n");
}

TEST(Findings, AsJsonNameTheirTablesAndFigures) {
  const std::string json = to_json(sample());
  EXPECT_THAT(json, HasSubstr("\"sparsity_fraction\": 0.75"));
  EXPECT_THAT(json, HasSubstr("\"latency_s\": null"));
  EXPECT_THAT(json, HasSubstr("\"streams\": ["));
  EXPECT_THAT(json, HasSubstr("\"read_bytes\": 2048"));
}

TEST(Findings, AsHtmlEscapeTheirWords) {
  const std::string html = to_html(sample());
  EXPECT_TRUE(html.find("net &lt;1&gt; step by step") != std::string::npos);
  EXPECT_TRUE(html.find("<dd>75.0 %<small>weighted</small></dd>") != std::string::npos);
  EXPECT_TRUE(html.find("net <1>") == std::string::npos);
}

TEST(Findings, AScatterHasItsCanvasItsPointsAndItsTable) {
  Findings findings = sample();
  findings.scatters = {
      {.id = "front",
       .title = "Energy",
       .caption = "",
       .x_title = "time",
       .x_unit = "",
       .y_title = "energy",
       .y_unit = "number",
       .series = {{"designs", 0, false, {{"small", 2, 0.5}}}, {"front", 6, true, {{"", 2, 0.5}}}}}};
  const std::string html = to_html(findings);
  EXPECT_THAT(html, HasSubstr("<canvas id=\"chart-front\""));
  EXPECT_THAT(html, HasSubstr(R"({"name":"small","x":2.0,"y":0.5})"));
  EXPECT_THAT(html, HasSubstr(R"("line":true)"));
  EXPECT_THAT(html, HasSubstr("<td>small</td>"));
}

}  // namespace
}  // namespace deltahop
