// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/array_chip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// docs/decisions/0015: a byte of a register file takes the area of 1.6 bytes of buffer.
double storage_area(const ArrayChip& chip) {
  const auto bytes = [&](size_t level) {
    return static_cast<double>(chip.hierarchy.levels[level].capacity * chip.word_bits) / 8;
  };
  const double elements = chip.hierarchy.levels.size() > 2 ? bytes(2) : 0.0;
  return bytes(1) + 1.6 * elements * static_cast<double>(chip.hierarchy.elements());
}

TEST(ArrayChip, ShippedDataflowsHaveStorageOfEqualArea) {
  EXPECT_THAT(array_chip_names(), ElementsAre("eyeriss", "nlr", "os_a", "os_b", "os_c", "rs", "ws"));
  const double baseline = 256 * 512 * 1.6 + 256 * 512;
  for (const std::string& name : array_chip_names()) {
    if (name == "eyeriss") continue;  // the chip as built
    EXPECT_NEAR(storage_area(load_array_chip(name)) / baseline, 1.0, 1e-5) << name;
  }
}

TEST(ArrayChip, CostsOfTheNormalisedTableAreThoseOfTheLiterature) {
  const UnitCosts costs = load_array_chip("rs").unit_costs();  // [Chen2016]
  EXPECT_EQ(costs.mac, 1);
  EXPECT_EQ(costs.hop, 2);
  EXPECT_THAT(costs.access, ElementsAre(200, 6, 1));
}

TEST(ArrayChip, AnElementWithoutStorageIsNoLevel) {
  const ArrayChip chip = load_array_chip("nlr");
  EXPECT_EQ(chip.hierarchy.levels.size(), 2U);
  EXPECT_EQ(chip.unit_costs().access.size(), 2U);
}

TEST(ArrayChip, ScratchpadsBoundEachOperandAlone) {
  const ArrayChip chip =
      load_array_chip("rs", {"element.scratchpads.weights=448 B", "element.scratchpads.inputs=24 B",
                             "element.scratchpads.outputs=48 B"});
  EXPECT_THAT(chip.hierarchy.levels[2].operand_capacity, ElementsAre(224, 12, 24));
}

std::string fault_of_text(const std::string& text) {
  try {
    const Config config = Config::from_text(text, "mine.yaml");
    read_array_chip(config, "mine");
    config.finish();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

const std::string kSmall = R"(array: {rows: 2, columns: 2}
buffer: {capacity: 64 B, keeps: [weights, inputs, outputs]}
dataflow: {over_rows: [K], over_columns: [C], in_element: []}
)";

TEST(ArrayChip, ASmallFileOfAUserIsEnough) { EXPECT_EQ(fault_of_text(kSmall), ""); }

TEST(ArrayChip, FaultsSayWhereAndWhat) {
  EXPECT_THAT(fault_of_text(kSmall + "costs: normalized\n"),
              HasSubstr("mine.yaml:4:1: 'normalized' is no table"));
  EXPECT_THAT(fault_of_text(kSmall + "cost: normalised\n"), HasSubstr("unknown key 'cost'"));
  std::string text = kSmall;
  EXPECT_THAT(fault_of_text(text.replace(text.find("[C]"), 3, "[X]")), HasSubstr("'X' is no dimension"));
  text = kSmall;
  EXPECT_THAT(fault_of_text(text.replace(text.find("64 B"), 4, "1 B")), HasSubstr("at least one word"));
  text = kSmall;
  EXPECT_THAT(fault_of_text(text.replace(text.find("in_element: []"), 14, "in_element: [K]")),
              HasSubstr("elements that store nothing have no loops"));
}

}  // namespace
}  // namespace deltahop
