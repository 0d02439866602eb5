// SPDX-License-Identifier: Apache-2.0
#include "deltahop/hardware/technology.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/hardware/area.h"
#include "deltahop/hardware/roofline.h"

namespace deltahop {
namespace {

Bits kibibytes(int64_t count) { return Bits(count * 1024 * 8); }

TEST(TechnologyTest, EveryShippedFileIsReadStrictlyAndCitesEveryCost) {
  const std::vector<std::string> names = technology_names();
  EXPECT_THAT(names, testing::IsSupersetOf({"28nm_scaled", "45nm_horowitz", "65nm_eyeriss"}));
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Technology process = load_technology(name);
    EXPECT_EQ(process.name, name);
    EXPECT_FALSE(process.summary.empty());
    EXPECT_TRUE(!process.has_chip_costs || process.references.count(process.citation));
    EXPECT_EQ(process.has_chip_costs, !process.registers.empty());
    for (const auto* points : {&process.multiply_accumulates, &process.multipliers, &process.adders,
                               &process.memories, &process.registers}) {
      for (const CostPoint& point : *points) {
        EXPECT_TRUE(process.references.count(point.citation)) << point.citation;
        EXPECT_GT(point.energy_pJ, 0.0);
      }
    }
    for (const AreaPoint& point : process.areas) EXPECT_TRUE(process.references.count(point.citation));
    for (const DramCostPoint& point : process.dram) EXPECT_TRUE(process.references.count(point.citation));
    for (const auto& [key, text] : process.references) EXPECT_GT(text.size(), 20u) << key;
    EXPECT_FALSE(process.resolved.empty());
  }
}

TEST(TechnologyTest, ProgrammableLogicHasCostsOfDramOnly) {
  const Technology process = load_technology("fpga");
  EXPECT_FALSE(process.has_chip_costs);
  EXPECT_TRUE(process.multipliers.empty() && process.memories.empty());
  EXPECT_EQ(process.dram.size(), load_technology("45nm_horowitz").dram.size());
  // Tables beside 'chip_costs: none' would be read by nobody.
  EXPECT_THROW(load_technology("fpga", {"registers=[]"}), Error);
}

TEST(TechnologyTest, ItsTableValuesComeBackAsTheyStand) {
  const Technology process = load_technology("45nm_horowitz");
  EXPECT_DOUBLE_EQ(process.multiply(8).energy_pJ, 0.2);
  EXPECT_DOUBLE_EQ(process.multiply(32).energy_pJ, 3.1);
  EXPECT_DOUBLE_EQ(process.add(16).energy_pJ, 0.05);
  EXPECT_DOUBLE_EQ(process.memory_bit(kibibytes(8)).energy_pJ, 10.0 / 64);
  EXPECT_DOUBLE_EQ(process.register_bit().energy_pJ, 0.253 / 16);
  EXPECT_THAT(process.multiply(8).source, testing::HasSubstr("[Horowitz2014]"));
}

TEST(TechnologyTest, MultipliersScaleWithTheSquareOfTheWidthAndAddersLinearly) {
  const Technology process = load_technology("45nm_horowitz");
  EXPECT_DOUBLE_EQ(process.multiply(4).energy_pJ, 0.2 / 4);
  EXPECT_DOUBLE_EQ(process.add(24).energy_pJ, 0.1 * 24 / 32);
  EXPECT_THAT(process.multiply(4).source, testing::HasSubstr("squared"));
}

TEST(TechnologyTest, MemoryCostFollowsAPowerLawBetweenPointsAndTheSquareRootBeyondThem) {
  const Technology process = load_technology("45nm_horowitz");
  // The geometric middle of two capacities costs the geometric middle of their costs.
  EXPECT_NEAR(process.memory_bit(kibibytes(16)).energy_pJ, std::sqrt(10.0 * 20.0) / 64, 1e-12);
  EXPECT_NEAR(process.memory_bit(kibibytes(2)).energy_pJ, 5.0 / 64, 1e-12);
  EXPECT_NEAR(process.memory_bit(kibibytes(4096)).energy_pJ, 200.0 / 64, 1e-12);
  double last = 0.0;
  for (int64_t size = 1; size <= 4096; size *= 2) {
    const double cost = process.memory_bit(kibibytes(size)).energy_pJ;
    EXPECT_GT(cost, last) << size;
    last = cost;
  }
}

TEST(TechnologyTest, AScaledProcessIsItsBaseTimesTheStatedRule) {
  const Technology base = load_technology("45nm_horowitz");
  const Technology scaled = load_technology("28nm_scaled", {"supply_V=0.45"});
  EXPECT_NEAR(scaled.energy_scale, 28.0 / 45 / 4, 1e-12);
  EXPECT_NEAR(scaled.multiply(16).energy_pJ, base.multiply(16).energy_pJ * 28 / 45 / 4, 1e-12);
  EXPECT_NEAR(*scaled.area_um2("adder", 32), 137.0 * 28 * 28 / 45 / 45, 1e-9);
  EXPECT_THAT(scaled.multiply(16).source, testing::HasSubstr("28/45 nm"));
  EXPECT_DOUBLE_EQ(scaled.dram.front().energy_pJ_per_bit, base.dram.front().energy_pJ_per_bit)
      << "DRAM does not shrink";
}

TEST(TechnologyTest, OrientationsAreMarkedAndNeverTheDefaultDramCost) {
  for (const std::string& name : technology_names()) {
    const Technology process = load_technology(name);
    EXPECT_FALSE(process.dram.front().is_weak) << name;
    int weak = 0;
    for (const DramCostPoint& point : process.dram) weak += point.is_weak ? 1 : 0;
    EXPECT_EQ(weak, 2) << name;
  }
  EXPECT_THAT(load_technology("45nm_horowitz").memory_bit(kibibytes(32)).source,
              testing::HasSubstr("(orientation)"));
}

TEST(TechnologyTest, AnUnknownNameSuggestsTheNearestOne) {
  try {
    load_technology("45nm_horowits");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean '45nm_horowitz'?"));
  }
}

TEST(TechnologyTest, AFileWithoutCitationsIsRefused) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "uncited.yaml";
  write_file(path,
             "summary: s\nnode_nm: 45\nsupply_V: 1\ncitation: A2000\nreferences: [{key: A2000, text: a}]\n"
             "multipliers: [{bits: 8, energy: 1 pJ, citation: B2000}]\nadders: [{bits: 8, energy: 1 pJ, "
             "citation: A2000}]\n"
             "memories: [{bits: 8, capacity: 1 KiB, energy: 1 pJ, citation: A2000}]\n"
             "registers: [{bits: 8, energy: 1 pJ, citation: A2000}]\ndram_default: cnnergy\n");
  try {
    load_technology(path.string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("'B2000' is not among the references"));
    EXPECT_THAT(error.what(), testing::HasSubstr("uncited.yaml:6:"));
  }
}

TEST(AreaTest, ItIsTheSumOfCountsTimesBlockAreas) {
  const Architecture chip{
      .name = "x",
      .multipliers = 10,
      .word_bits = 16,
      .accumulator_bits = 32,
      .memories = {{.name = "buffer", .capacity = kibibytes(162), .word = Bits(64), .instances = 2}}};
  const std::vector<AreaShare> shares = area_of(chip, load_technology("45nm_horowitz"));
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_DOUBLE_EQ(shares[0].area.number(), 10 * 282.0 * 4 * 1e-6);
  EXPECT_DOUBLE_EQ(shares[1].area.number(), 10 * 137.0 * 1e-6);
  EXPECT_DOUBLE_EQ(shares[2].area.number(), 2 * 594786.0 * 1e-6);
}

TEST(RooflineTest, TheBoundIsBandwidthBelowTheRidgeAndThePeakAboveIt) {
  const Roofline roof =
      roofline({.name = "x", .multipliers = 128, .clock = Hertz(500e6), .dram_bits_per_cycle = Bits(64)});
  EXPECT_DOUBLE_EQ(roof.peak_ops_per_second, 128e9);
  EXPECT_DOUBLE_EQ(roof.dram_bytes_per_second, 4e9);
  EXPECT_DOUBLE_EQ(roof.ridge_ops_per_byte, 32.0);
  EXPECT_DOUBLE_EQ(attainable_ops_per_second(roof, 8.0), 32e9);
  EXPECT_DOUBLE_EQ(attainable_ops_per_second(roof, 1000.0), 128e9);
  EXPECT_DOUBLE_EQ(operational_intensity(1000.0, Bits(8000), Bits(2000)), 2.0);
}

}  // namespace
}  // namespace deltahop
