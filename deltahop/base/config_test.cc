// SPDX-License-Identifier: Apache-2.0
#include "deltahop/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config from(std::string_view text) { return Config::from_text(text, "chip.yaml"); }

std::string fault_of(std::string_view text) {
  try {
    from(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Config, ReadsEveryKindOfValue) {
  const Config config = from(
      "name: NullHop\nmacs: 128\nscale: 0.5\non: true\nclock: 60 MHz\nsizes: [1, -2]\nfactors: [0.5, "
      "2]\nwords: [a, b]\n");
  EXPECT_EQ(config.text("name"), "NullHop");
  EXPECT_EQ(config.integer("macs"), 128);
  EXPECT_EQ(config.number("scale"), 0.5);
  EXPECT_TRUE(config.boolean("on"));
  EXPECT_EQ(config.quantity<Hertz>("clock").number(), 60e6);
  EXPECT_THAT(config.integers("sizes"), ElementsAre(1, -2));
  EXPECT_THAT(config.numbers("factors"), ElementsAre(0.5, 2.0));
  EXPECT_THAT(config.texts("words"), ElementsAre("a", "b"));
  EXPECT_NO_THROW(config.finish());
}

TEST(Config, AbsentKeysFallBack) {
  const Config config = from("there: 1\n");
  EXPECT_EQ(config.integer("there", 7), 1);
  EXPECT_EQ(config.integer("gone", 7), 7);
  EXPECT_EQ(config.number("gone", 0.5), 0.5);
  EXPECT_EQ(config.text("gone", "x"), "x");
  EXPECT_TRUE(config.boolean("gone", true));
  EXPECT_EQ(config.quantity<Cycles>("gone", Cycles(3)), Cycles(3));
  EXPECT_EQ(config.choice("gone", {"a", "b"}, "b"), "b");
  EXPECT_THAT(config.faults(), IsEmpty());
}

TEST(Config, AnUnknownKeyIsPlacedWithASuggestion) {
  const Config config = from("macs: 128\nmac_unit: 4\n");
  config.integer("macs");
  config.integer("mac_units", 1);
  EXPECT_THAT(config.faults(),
              ElementsAre("chip.yaml:2:1: unknown key 'mac_unit'; did you mean 'mac_units'?"));
}

TEST(Config, EveryFaultOfTheReadingIsFound) {
  const Config config = from(
      "clock: fast\n"
      "macs: many\n"
      "scale: 1.5x\n"
      "on: yes\n"
      "dram:\n"
      "  width: 3.5\n"
      "  colour: blue\n"
      "mode: steroe\n"
      "sizes: 4\n"
      "list: [1, two]\n");
  config.quantity<Hertz>("clock");
  config.integer("macs");
  config.number("scale");
  config.boolean("on");
  const Config dram = config.section("dram");
  dram.integer("width");
  config.choice("mode", {"mono", "stereo"});
  config.integers("sizes");
  config.integers("list");
  config.text("name");
  const std::vector<std::string> faults = config.faults();
  EXPECT_THAT(
      faults,
      ElementsAre("chip.yaml:1:1: 'fast' is not a number with a unit; write for example '10 Hz'",
                  "chip.yaml:2:1: 'many' is not a whole number", "chip.yaml:3:1: '1.5x' is not a number",
                  "chip.yaml:4:1: 'yes' is neither true nor false",
                  "chip.yaml:6:3: '3.5' is not a whole number",
                  "chip.yaml:7:3: unknown key 'colour'; known: width",
                  "chip.yaml:8:1: 'steroe' is not possible for 'mode'; did you mean 'stereo'?",
                  "chip.yaml:9:1: 'sizes' must be a list; write [a, b, c]",
                  "chip.yaml:10:1: 'two' is not a whole number", "chip.yaml: the key 'name' is missing"));
}

TEST(Config, FinishThrowsTheFirstAndCountsTheRest) {
  const Config config = from("a: 1\nb: 2\nc: 3\n");
  config.integer("a");
  try {
    config.finish();
    FAIL() << "two unknown keys were taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("chip.yaml:2:1: unknown key 'b'"));
    EXPECT_THAT(error.what(), HasSubstr("1 more"));
  }
}

TEST(Config, AMissingKeyIsPlacedAtItsSection) {
  const Config config = from("dram:\n  width: 8\n");
  const Config dram = config.section("dram");
  dram.integer("width");
  dram.quantity<Hertz>("clock");
  EXPECT_THAT(config.faults(), ElementsAre("chip.yaml:1:1: the key 'clock' is missing"));
}

TEST(Config, ADoubledKeyIsAFault) {
  const Config config = from("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n");
  EXPECT_EQ(config.integer("a"), 1);
  config.section("b").integer("c");
  EXPECT_THAT(config.faults(), ElementsAre("chip.yaml:4:3: key 'c' stands twice; keep one of them",
                                           "chip.yaml:5:1: key 'a' stands twice; keep one of them"));
}

TEST(Config, ListsOfMapsAreReadItemByItem) {
  const Config config = from("layers:\n  - kind: conv\n  - kind: pool\n    sise: 2\n");
  std::vector<std::string> kinds;
  for (const Config& item : config.list("layers")) {
    kinds.push_back(item.text("kind"));
    item.integer("size", 1);
  }
  EXPECT_THAT(kinds, ElementsAre("conv", "pool"));
  EXPECT_THAT(config.faults(), ElementsAre("chip.yaml:4:5: unknown key 'sise'; did you mean 'size'?"));
}

TEST(Config, ListsOfScalarsAreReadItemByItem) {
  const Config config = from("layers: [relu, [nested]]\n");
  const std::vector<Config> items = config.list("layers");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_TRUE(items[0].is_scalar());
  EXPECT_EQ(items[0].scalar(), "relu");
  EXPECT_FALSE(items[1].is_scalar());
  EXPECT_EQ(items[1].scalar(), "");
  EXPECT_THAT(config.faults(), ElementsAre("chip.yaml:1:16: must be a single value"));
}

TEST(Config, AWrongKindOfValueIsAFault) {
  const Config config = from("a: [1]\nb: 2\nc: {d: 1}\n");
  config.integer("a");
  config.section("b");
  config.list("c");
  EXPECT_THAT(config.faults(),
              ElementsAre("chip.yaml:1:1: 'a' must be a single value", "chip.yaml:2:1: 'b' must hold keys",
                          "chip.yaml:3:1: 'c' must be a list"));
}

TEST(Config, BrokenDocumentsAreRefusedAtTheirPlace) {
  EXPECT_EQ(fault_of(""), "chip.yaml: is empty; a YAML map of keys is expected");
  EXPECT_EQ(fault_of("- a\n"), "chip.yaml: is not a YAML map; write 'key: value' lines");
  EXPECT_THAT(fault_of("a: [1\nb: 2\n"), HasSubstr("chip.yaml:2:"));
  EXPECT_THAT(fault_of("a: b: c\n"), HasSubstr("chip.yaml:1:"));
  EXPECT_THAT(fault_of("[1, 2]: x\n"), HasSubstr("a key must be a plain word"));
  EXPECT_THAT(fault_of(std::string_view("a: \0", 4)), HasSubstr("zero byte"));
  EXPECT_THAT(fault_of("a: \xff\xfe\n"), HasSubstr("UTF-8"));
}

TEST(Config, NestingAndRepetitionAreBounded) {
  std::string deep = "a: ", opened(100, '['), closed(100, ']');
  EXPECT_THAT(fault_of(deep + opened + closed), HasSubstr("nested too deeply"));
  std::string laughs = "l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int level = 1; level < 9; ++level) {
    laughs += "l" + std::to_string(level) + ": &l" + std::to_string(level) + " [";
    for (int i = 0; i < 10; ++i) laughs += (i == 0 ? "*l" : ", *l") + std::to_string(level - 1);
    laughs += "]\n";
  }
  EXPECT_THAT(fault_of(laughs), HasSubstr("too many entries"));
}

TEST(Config, ADeepBracketBombIsRefused) {
  EXPECT_NE(fault_of("a: " + std::string(200000, '[')), "");
  EXPECT_NE(fault_of("a: " + std::string(200000, '{')), "");
}

TEST(Config, SettingsReplaceAndAddValues) {
  Config config = from("dram:\n  clock: 100 MHz\n");
  config.set("dram.clock=800 MHz");
  config.set("dram.width=64");
  config.set("energy.table=cmos45");
  EXPECT_EQ(config.section("dram").quantity<Hertz>("clock").number(), 800e6);
  EXPECT_EQ(config.section("dram").integer("width"), 64);
  EXPECT_EQ(config.section("energy").text("table"), "cmos45");
  EXPECT_THAT(config.faults(), IsEmpty());
}

TEST(Config, SettingsMayBeLists) {
  Config config = from("keeps: [a]\nother: 1\n");
  config.set("keeps=[weights,  inputs ]");
  config.set("none=[]");
  config.set("other=[2]");
  EXPECT_THAT(config.texts("keeps"), ElementsAre("weights", "inputs"));
  EXPECT_THAT(config.texts("none"), IsEmpty());
  EXPECT_THAT(config.texts("other"), ElementsAre("2"));
  EXPECT_THAT(config.faults(), IsEmpty());
}

TEST(Config, AFaultInASettingIsPlacedThere) {
  Config config = from("macs: 128\n");
  config.set("macs=lots");
  config.set("typo=1");
  config.integer("macs");
  EXPECT_THAT(config.faults(), ElementsAre("--set macs=lots: 'lots' is not a whole number",
                                           HasSubstr("--set typo=1: unknown key 'typo'")));
}

TEST(Config, SettingsThatLeadNowhereAreRefused) {
  Config config = from("macs: 128\n");
  EXPECT_THROW(config.set("macs"), Error);
  EXPECT_THROW(config.set("=1"), Error);
  EXPECT_THROW(config.set("macs.inner=1"), Error);
  EXPECT_THROW(config.set("a..b=1"), Error);
  EXPECT_THROW(config.set("a.=1"), Error);
  EXPECT_EQ(config.integer("macs"), 128);
  EXPECT_THAT(config.faults(), IsEmpty());
}

TEST(Config, ResolvedTextReadsTheSame) {
  Config config = from("a: 1\nb: [x, 'y: z', \"q\\\"\"]\nc:\n  d: 'true'\n");
  config.set("c.e=new");
  const Config again = Config::from_text(config.resolved(), "again");
  EXPECT_EQ(again.integer("a"), 1);
  EXPECT_THAT(again.texts("b"), ElementsAre("x", "y: z", "q\""));
  EXPECT_EQ(again.section("c").text("d"), "true");
  EXPECT_EQ(again.section("c").text("e"), "new");
}

TEST(Config, IntegersMustFit) {
  const Config config = from("a: 9223372036854775807\nb: 9223372036854775808\nc: 0x10\nd: 1e3\ne: inf\n");
  EXPECT_EQ(config.integer("a"), INT64_MAX);
  config.integer("b");
  config.integer("c");
  EXPECT_EQ(config.number("d"), 1000.0);
  config.number("e");
  EXPECT_EQ(config.faults().size(), 3u);
}

TEST(Config, PlacesAreThoseOfTheKeys) {
  const Config config = from("a: 1\nb:\n  c: 2\n");
  EXPECT_EQ(config.place("a"), "chip.yaml:1:1");
  EXPECT_EQ(config.section("b").place("c"), "chip.yaml:3:3");
  EXPECT_EQ(config.section("b").place(), "chip.yaml:2:1");
  config.section("b").fault("c", "is too small", "at least 3");
  EXPECT_THAT(config.faults(), testing::Contains("chip.yaml:3:3: is too small; at least 3"));
}

}  // namespace
}  // namespace deltahop
