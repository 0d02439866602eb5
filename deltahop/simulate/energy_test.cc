// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

Architecture example_chip() {
  return {
      .name = "example",
      .multipliers = 128,
      .clock = Hertz(500e6),
      .core_area = SquareMillimetres(6.3),
      .word_bits = 16,
      .accumulator_bits = 32,
      .memories = {{.name = "input_buffer", .capacity = Bits(512 * 8192), .word = Bits(64)},
                   {.name = "kernel_memory", .capacity = Bits(8 * 8192), .word = Bits(16), .instances = 128},
                   {.name = "weight_memory", .capacity = Bits(64 * 8192), .word = Bits(64)},
                   {.name = "partial_sum_memory", .capacity = Bits(48 * 8192), .word = Bits(24)},
                   {.name = "state_memory", .capacity = Bits(24 * 8192), .word = Bits(16)},
                   {.name = "global_buffer", .capacity = Bits(100 * 8192), .word = Bits(64)}}};
}

Stats random_stats(Random& random) {
  Stats stats;
  for (Cycles& cycles : stats.cycles_by_phase) cycles = Cycles(random.integer(0, 1000000));
  stats.macs_done = random.integer(0, 1000000000);
  stats.macs_skipped_zero_input = random.integer(0, 1000000000);
  for (auto& level : stats.traffic) {
    for (Traffic& traffic : level)
      traffic = {Bits(random.integer(0, 1000000)), Bits(random.integer(0, 1000000))};
  }
  return stats;
}

double sum(const std::vector<EnergyEntry>& entries) {
  double total = 0;
  for (const EnergyEntry& entry : entries) total += entry.energy_pJ;
  return total;
}

TEST(EnergyTest, EveryEntryIsCountTimesCostWithASourceAndPartsAddUpToTotals) {
  Random random(7);
  for (const std::string& name : technology_names()) {
    const Technology technology = load_technology(name);
    for (int round = 0; round < 20; ++round) {
      const EnergyBreakdown energy = energy_of(random_stats(random), example_chip(), technology);
      for (const auto* entries : {&energy.core, &energy.dram}) {
        for (const EnergyEntry& entry : *entries) {
          EXPECT_DOUBLE_EQ(entry.energy_pJ, entry.count * entry.unit_cost_pJ);
          EXPECT_THAT(entry.source, testing::StartsWith("["));
          EXPECT_FALSE(entry.unit.empty());
        }
      }
      EXPECT_DOUBLE_EQ(energy.total_pJ(), sum(energy.core) + sum(energy.dram));
      double by_level = 0, by_kind = 0;
      for (const EnergyShare& share : energy_by_level(energy)) by_level += share.energy_pJ;
      for (const EnergyShare& share : energy_by_data_kind(energy)) by_kind += share.energy_pJ;
      EXPECT_NEAR(by_level, energy.total_pJ(), 1e-9 * energy.total_pJ());
      EXPECT_NEAR(by_kind, energy.total_pJ(), 1e-9 * energy.total_pJ());
    }
  }
}

TEST(EnergyTest, TransfersBetweenElementsCostWhatTheProcessSaysOrAreNamedAsLeftOut) {
  Stats stats;
  stats.at(MemoryLevel::array, DataKind::input).read = Bits(160);
  const EnergyBreakdown priced = energy_of(stats, example_chip(), load_technology("65nm_eyeriss"));
  EXPECT_DOUBLE_EQ(energy_by_level(priced).at(0).energy_pJ, 40) << "10 words at 4 pJ [Gao2017]";
  const EnergyBreakdown silent = energy_of(stats, example_chip(), load_technology("28nm_scaled"));
  EXPECT_EQ(silent.core_pJ(), 0);
  EXPECT_THAT(silent.not_modelled, testing::Contains(testing::StartsWith("transfers between elements")));
}

TEST(EnergyTest, ItIsLinearInTheCounts) {
  Random random(11);
  const Technology technology = load_technology("28nm_scaled");
  const Stats first = random_stats(random), second = random_stats(random);
  Stats both = first;
  both += second;
  EnergyBreakdown added = energy_of(first, example_chip(), technology);
  added += energy_of(second, example_chip(), technology);
  const EnergyBreakdown at_once = energy_of(both, example_chip(), technology);
  EXPECT_NEAR(added.total_pJ(), at_once.total_pJ(), 1e-9 * at_once.total_pJ());
  ASSERT_EQ(added.core.size(), at_once.core.size());
  for (size_t i = 0; i < added.core.size(); ++i) {
    EXPECT_DOUBLE_EQ(added.core[i].count, at_once.core[i].count) << added.core[i].level;
  }
  for (size_t i = 0; i < added.dram_costs.size(); ++i) {
    EXPECT_NEAR(added.dram_costs[i].energy_pJ, at_once.dram_costs[i].energy_pJ, 1e-3);
  }
}

TEST(EnergyTest, OneMultiplyAccumulateIn45NanometresCostsOnePicojoule) {
  Stats stats;
  stats.macs_done = 1;
  const EnergyBreakdown energy = energy_of(stats, example_chip(), load_technology("45nm_horowitz"));
  EXPECT_NEAR(energy.core_pJ(), 0.9 + 0.1, 1e-12);
  EXPECT_EQ(energy.dram_pJ(), 0.0);
}

TEST(EnergyTest, SkippedAndIdleMultiplicationsCostNothing) {
  Stats stats;
  stats.macs_skipped_zero_input = 1000000;
  stats.macs_skipped_padding = 1000000;
  stats.mac_slots_idle = 1000000;
  EXPECT_EQ(energy_of(stats, example_chip(), load_technology("45nm_horowitz")).total_pJ(), 0.0);
}

TEST(EnergyTest, DramIsCostedAtEveryListedFigureWithTheDefaultFirst) {
  Stats stats;
  stats.at(MemoryLevel::dram, DataKind::weight).read = Bits(600);
  stats.at(MemoryLevel::dram, DataKind::output).written = Bits(400);
  const Technology technology = load_technology("65nm_eyeriss");
  const EnergyBreakdown energy = energy_of(stats, example_chip(), technology);
  ASSERT_EQ(energy.dram_costs.size(), technology.dram.size());
  EXPECT_EQ(energy.dram_costs.front().name, "eyeriss_chip_model");
  EXPECT_DOUBLE_EQ(energy.dram_costs.front().energy_pJ, 28750.0);
  EXPECT_DOUBLE_EQ(energy.dram_pJ(), 28750.0);
  for (const DramEnergy& cost : energy.dram_costs)
    EXPECT_DOUBLE_EQ(cost.energy_pJ, 1000 * cost.cost_pJ_per_bit);
}

TEST(EnergyTest, WithoutCostsOfTheChipItsEnergyIsLeftOutByName) {
  Random random(9);
  const Stats stats = random_stats(random);
  const EnergyBreakdown energy = energy_of(stats, example_chip(), load_technology("fpga"));
  EXPECT_FALSE(energy.has_core);
  EXPECT_TRUE(energy.core.empty());
  EXPECT_EQ(energy.dram_pJ(), energy_of(stats, example_chip(), load_technology("28nm_scaled")).dram_pJ());
  EXPECT_THAT(energy.not_modelled, testing::ElementsAre(testing::HasSubstr("everything on the chip")));
  EnergyBreakdown mixed = energy_of(stats, example_chip(), load_technology("28nm_scaled"));
  mixed += energy;
  EXPECT_FALSE(mixed.has_core) << "half a sum is no sum";
}

TEST(EnergyTest, LeakageFollowsAreaAndTimeWhereTheProcessHasIt) {
  Stats stats;
  stats.cycles_by_phase[0] = Cycles(500000);  // 1 ms
  const EnergyBreakdown energy = energy_of(stats, example_chip(), load_technology("65nm_eyeriss"));
  ASSERT_EQ(energy.core.size(), 1u);
  EXPECT_EQ(energy.core[0].level, "leakage");
  EXPECT_NEAR(energy.core_pJ(), 0.030 * 6.3 / 12.25 * 1e-3 * 1e12, 1.0);
  const EnergyBreakdown without = energy_of(stats, example_chip(), load_technology("45nm_horowitz"));
  EXPECT_THAT(without.not_modelled, testing::Contains(testing::HasSubstr("leakage")));
}

TEST(EnergyTest, TrafficThroughAMemoryThatTheChipDoesNotStateIsRefused) {
  Stats stats;
  stats.at(MemoryLevel::kernel_memory, DataKind::weight).read = Bits(16);
  Architecture chip = example_chip();
  chip.memories.clear();
  EXPECT_THROW(energy_of(stats, chip, load_technology("45nm_horowitz")), Error);
}

}  // namespace
}  // namespace deltahop
