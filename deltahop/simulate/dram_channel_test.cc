// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/simulate/dram_energy.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

TEST(DramChannel, a_first_read_takes_activation_latency_and_burst) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  DramChannel channel(part, {.refresh = false});
  EXPECT_EQ(channel.read_burst(0, 16, 0), 7 + 7 + 4);  // tRCD + CL + BL/2
}

TEST(DramChannel, a_row_hit_takes_latency_and_burst) {
  DramChannel channel(load_dram_part("ddr3_1066_1gb_x16"), {.refresh = false});
  const int64_t first = channel.read_burst(0, 16, 0);
  EXPECT_EQ(channel.read_burst(16, 16, first) - first, 7 + 4);
}

TEST(DramChannel, a_row_conflict_takes_precharge_too) {
  DramChannel channel(load_dram_part("ddr3_1066_1gb_x16"), {.refresh = false});
  channel.read_burst(0, 16, 0);
  const uint64_t other_row = channel.mapping().address({.bank = 0, .row = 1, .column = 0});
  EXPECT_EQ(channel.read_burst(other_row, 16, 1000) - 1000, 7 + 7 + 7 + 4);
}

TEST(DramChannel, a_long_transfer_moves_two_beats_a_clock) {
  DramChannel channel(load_dram_part("ddr3_1066_1gb_x16"), {.refresh = false});
  EXPECT_EQ(channel.read_burst(0, 1 << 20, 0), 7 + 7 + (1 << 20) / 16 * 4);
}

TEST(DramChannel, a_long_idle_time_counts_its_refreshes_with_or_without_a_watcher) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  const auto counters_of = [&](bool watched) {
    DramChannel channel(part, {});
    int64_t commands = 0;
    if (watched) channel.watch([&](const DramCommand&) { ++commands; });
    channel.read_burst(0, 4096, 0);
    const int64_t end = channel.read_burst(1 << 20, 4096, 1'000'000);
    return channel.counters(end);
  };
  const DramCounters quiet = counters_of(false), watched = counters_of(true);
  EXPECT_EQ(quiet.refreshes, 1'000'000 / part.refresh_interval_clocks());
  EXPECT_EQ(quiet.refreshes, watched.refreshes);
  EXPECT_EQ(quiet.active_clocks, watched.active_clocks);
  EXPECT_EQ(quiet.elapsed_clocks, watched.elapsed_clocks);
}

TEST(DramChannel, a_read_of_what_waits_to_be_written_needs_no_burst) {
  DramChannel channel(load_dram_part("ddr3_1066_1gb_x16"), {.refresh = false});
  ASSERT_TRUE(channel.push({4096, true, 0}, 1));
  ASSERT_TRUE(channel.push({4096, false, 0}, 2));
  channel.finish();
  const DramCounters counters = channel.counters(channel.now());
  EXPECT_EQ(counters.forwarded, 1);
  EXPECT_EQ(counters.writes, 1);
  EXPECT_EQ(counters.reads, 0);
}

TEST(DramChannel, a_write_waits_for_an_older_read_of_the_same_burst) {
  DramChannel channel(load_dram_part("ddr3_1066_1gb_x16"), {.refresh = false});
  ASSERT_TRUE(channel.push({4096, false, 0}, 1));
  EXPECT_FALSE(channel.push({4096, true, 0}, 2));
  while (!channel.push({4096, true, 0}, 2)) ASSERT_TRUE(channel.step());
  EXPECT_EQ(channel.counters(channel.now()).reads, 1);
}

TEST(DramChannel, energy_is_counts_times_costs) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  DramChannel channel(part, {});
  channel.read_burst(0, 1 << 16, 0);
  const int64_t end = channel.write_burst(1 << 18, 1 << 16, 0);
  const DramCounters counters = channel.counters(end);
  const DramCosts costs = costs_of(part);
  const DramEnergyParts energy = energy_of(counters, part, 1);
  EXPECT_DOUBLE_EQ(energy.activation_pJ, static_cast<double>(counters.activates) * costs.activate_pJ);
  EXPECT_DOUBLE_EQ(energy.read_pJ, 4096 * costs.read_pJ);
  EXPECT_DOUBLE_EQ(energy.write_pJ, 4096 * costs.write_pJ);
  EXPECT_DOUBLE_EQ(energy.refresh_pJ, static_cast<double>(counters.refreshes) * costs.refresh_pJ);
  const double seconds = static_cast<double>(end) * part.clock_ns() * 1e-9;
  EXPECT_GE(energy.background_pJ(), seconds * costs.precharged.number() * 1e12);
  EXPECT_LE(energy.background_pJ(), seconds * costs.active.number() * 1e12);
}

TEST(DramMapping, address_and_place_are_inverse_for_whole_and_split_fields) {
  const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  for (const char* text :
       {"row-bank-column-group", "row:5-column:4-bank-row-group-column", "group-bank-row-column"}) {
    const DramMapping mapping(text, part, 1);
    EXPECT_EQ(mapping.bytes(), static_cast<uint64_t>(part.bytes()));
    for (uint64_t address = 0; address < mapping.bytes(); address += 0x1234568 & ~7U)
      EXPECT_EQ(mapping.address(mapping.place(address)), address) << text;
  }
}

TEST(DramMapping, neighbouring_bursts_change_the_lowest_field) {
  const DramMapping mapping("row-bank-column-group", load_dram_part("ddr4_2400_4gb_x8"), 1);
  EXPECT_EQ(mapping.place(8), (DramPlace{.bank = 4, .row = 0, .column = 0}));
  EXPECT_EQ(mapping.place(32), (DramPlace{.bank = 0, .row = 0, .column = 1}));
}

TEST(DramMapping, faults_name_the_field) {
  const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  const auto fault = [&](const char* text) -> std::string {
    try {
      DramMapping(text, part, 1);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(fault("row-bank-column"), HasSubstr("'group' has 0 bits here, the part has 2"));
  EXPECT_THAT(fault("row-bnk-column-group"), HasSubstr("bank"));
  EXPECT_THAT(fault("row-row-bank-column-group"), HasSubstr("'row' comes twice"));
  EXPECT_THAT(fault("row-bank-column:9-group"), HasSubstr("no number of bits in 1..7"));
  EXPECT_THAT(fault("row-bank-column:3-group"), HasSubstr("'column' has 3 bits here, the part has 7"));
  EXPECT_THAT(fault("row--bank"), HasSubstr("no field"));
}

TEST(DramController, queues_out_of_range_are_errors) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  EXPECT_THROW(DramChannel(part, {.read_queue = 0}), Error);
  EXPECT_THROW(DramChannel(part, {.drain_above = 33}), Error);
  EXPECT_THROW(DramChannel(part, {.chips = 3}), Error);
}

}  // namespace
}  // namespace deltahop
