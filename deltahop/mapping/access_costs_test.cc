// SPDX-License-Identifier: Apache-2.0
#include "deltahop/mapping/access_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/mapping/map_network.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

TEST(AccessCosts, EveryShippedTableNamesItsSourceAndItsTrust) {
  EXPECT_GE(access_cost_names().size(), 10U);
  for (const std::string& name : access_cost_names()) {
    const AccessCosts costs = load_access_costs(name);
    EXPECT_THAT(costs.citation, HasSubstr("[")) << name;
    EXPECT_FALSE(costs.summary.empty()) << name;
    // What is no published number says what it is.
    EXPECT_EQ(costs.trust == "published", costs.notes.empty()) << name;
  }
}

TEST(AccessCosts, RatiosOfTheSurveyAreTakenOnceEach) {  // [Sze2017] section VI.A
  const AccessCosts off_chip = load_access_costs("eyeriss_65nm");
  EXPECT_NEAR(load_access_costs("edram").dram, off_chip.dram / 321, 1e-3);
  EXPECT_DOUBLE_EQ(load_access_costs("stacked").dram, off_chip.dram / 5);
  EXPECT_DOUBLE_EQ(load_access_costs("hmc").dram, 16 * 5.0);         // 5 pJ a bit [Gao2017]
  EXPECT_DOUBLE_EQ(load_access_costs("lpddr3_2d").dram, 16 * 15.0);  // 15 pJ a bit [Gao2017]
}

TEST(AccessCosts, OfATechnologyFollowTheSizesOfTheChip) {
  const auto buffer_cost = [](const std::string& capacity) {
    ArrayChip chip = load_array_chip("rs", {"buffer.capacity=" + capacity});
    chip.costs = load_access_costs("horowitz_45nm");
    return chip.sized_costs();
  };
  // [Horowitz2014]: a cache of 8 KiB takes 10 pJ for 64 bits; the multiplication is that of [Manasi2020].
  EXPECT_NEAR(buffer_cost("8 KiB").buffer, 10.0 / 4, 1e-9);
  EXPECT_NEAR(buffer_cost("8 KiB").mac, 0.9 + 0.1, 1e-9);
  EXPECT_NEAR(buffer_cost("8 KiB").dram, 16 * 20.0, 1e-9);
  EXPECT_LT(buffer_cost("16 KiB").buffer, buffer_cost("64 KiB").buffer);
  EXPECT_EQ(load_array_chip("rs").sized_costs().buffer, 6);  // numbers stay numbers
}

TEST(AccessCosts, WeightsInPlaceCostNothing) {
  ArrayChip chip = load_array_chip("rs");
  chip.costs = load_access_costs("memristor");
  const LayerToMap layer{"a", "conv", {{2, 1, 8, 4, 6, 6, 3, 3}, 1, 1, 1, 1}, 1, true};
  const MappedLayer mapped = map_layers({layer}, {chip}, {}, {})[0][0];
  EXPECT_EQ(mapped.energy.by_operand[index_of(Operand::weight)], 0);
  EXPECT_GT(mapped.energy.by_operand[index_of(Operand::input)], 0);
  EXPECT_GE(mapped.value, mapped.value_bound * (1 - 1e-12));
}

TEST(AccessCosts, FaultsSayWhereAndWhat) {
  const auto fault_of = [](const std::string& text) -> std::string {
    try {
      const Config config = Config::from_text(text, "mine.yaml");
      read_access_costs(config, "mine");
      config.finish();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fault_of("technology: 45nm_horowitz\n"), "");
  EXPECT_THAT(fault_of("technology: 45nm\n"), HasSubstr("mine.yaml:1:"));
  EXPECT_THAT(fault_of("technology: fpga\n"), HasSubstr("'fpga' has no costs of a chip"));
  EXPECT_THAT(fault_of("technology: 45nm_horowitz\nmac: 1\n"), HasSubstr("unknown key 'mac'"));
  EXPECT_THAT(fault_of("trust: rumour\ntechnology: 45nm_horowitz\n"), HasSubstr("rumour"));
}

}  // namespace
}  // namespace deltahop
