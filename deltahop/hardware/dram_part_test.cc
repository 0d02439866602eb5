// SPDX-License-Identifier: Apache-2.0
#include "deltahop/hardware/dram_part.h"

#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

std::string fault_of(const std::string& part, const std::string& setting) {
  try {
    load_dram_part(part, {setting});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// The energies that the power-calculator formulas give for the data-sheet currents, printed as the parts are
// tabulated: activation with precharge in pJ, bursts in pJ and pJ/bit.
struct Row {
  const char* part;
  const char* activate;
  const char* read;
  const char* read_per_bit;
  const char* write_per_bit;
};

class DramEnergyTable : public testing::TestWithParam<Row> {};

TEST_P(DramEnergyTable, agrees_to_the_printed_digit) {
  const Row row = GetParam();
  const DramPart part = load_dram_part(row.part);
  const DramCosts costs = costs_of(part);
  const double bits = static_cast<double>(part.burst_bytes()) * 8;
  const auto decimals = [](std::string_view text) { return text.size() - text.find('.') - 1; };
  EXPECT_EQ(fmt::format("{:.0f}", costs.activate_pJ), row.activate);
  EXPECT_EQ(fmt::format("{:.0f}", costs.read_pJ), row.read);
  EXPECT_EQ(fmt::format("{:.{}f}", costs.read_pJ / bits, decimals(row.read_per_bit)), row.read_per_bit);
  EXPECT_EQ(fmt::format("{:.{}f}", costs.write_pJ / bits, decimals(row.write_per_bit)), row.write_per_bit);
}

INSTANTIATE_TEST_SUITE_P(Parts, DramEnergyTable,
                         testing::Values(Row{"ddr3_1066_1gb_x16", "2477", "1069", "8.35", "9.67"},
                                         Row{"ddr3_1600_2gb_x16", "4688", "1688", "13.2", "13.8"},
                                         Row{"ddr3_1600_1gb_x16", "1772", "938", "7.3", "7.9"},
                                         Row{"ddr3l_1600_4gb_x16", "1529", "1269", "9.9", "6.5"},
                                         Row{"lpddr3_1600_4gb_x32", "4050", "1317", "5.1", "5.9"},
                                         Row{"lpddr2_1066_2gb_x16", "5132", "1816", "14.2", "13.5"},
                                         Row{"ddr4_2400_4gb_x8", "1013", "562", "8.8", "7.8"}),
                         [](const auto& row) { return std::string(row.param.part); });

TEST(DramPart, background_and_refresh_energies_agree_to_the_printed_digit) {
  const auto text = [](const char* name) {
    const DramCosts costs = costs_of(load_dram_part(name));
    return fmt::format("{:.1f} {:.1f} {:.1f}", costs.active.number() * 1e3, costs.precharged.number() * 1e3,
                       costs.refresh_pJ * 1e-3);
  };
  EXPECT_EQ(text("ddr3_1066_1gb_x16"), "67.5 52.5 19.1");
  EXPECT_EQ(text("ddr3_1600_2gb_x16"), "67.5 63.0 40.8");
  EXPECT_EQ(text("ddr3_1600_1gb_x16"), "82.5 60.0 19.0");
  EXPECT_EQ(text("ddr3l_1600_4gb_x16"), "63.5 43.2 66.0");
}

TEST(DramPart, every_shipped_part_reads_and_names_its_sources) {
  EXPECT_EQ(dram_part_names().size(), 10U);
  for (const std::string& name : dram_part_names()) {
    const DramPart part = load_dram_part(name);
    EXPECT_EQ(part.citations.size(), 5U) << name;
    EXPECT_GT(costs_of(part).activate_pJ, 0) << name;
    EXPECT_GE(part.timings.tRC, part.timings.tRCD + part.timings.tRTP) << name;
  }
}

TEST(DramPart, the_streaming_rate_of_ddr3_1066_x16_is_2132_MB_a_second) {
  EXPECT_DOUBLE_EQ(load_dram_part("ddr3_1066_1gb_x16").peak_bytes_per_second(), 2132e6);
}

TEST(DramPart, the_refresh_interval_is_rounded_down_to_whole_clocks) {
  EXPECT_EQ(load_dram_part("ddr3_1066_1gb_x16").refresh_interval_clocks(),
            4157);  // 7.8 us x 533 MHz = 4157.4
  EXPECT_EQ(load_dram_part("ddr3l_1600_4gb_x16").refresh_interval_clocks(), 6240);  // exactly
}

TEST(DramPart, an_unknown_key_is_an_error_with_its_neighbour) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "timings_clocks.tRFX=3"), HasSubstr("tRFX"));
}

TEST(DramPart, an_unknown_part_names_the_nearest) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x61", ""), HasSubstr("ddr3_1066_1gb_x16"));
}

TEST(DramPart, a_capacity_that_does_not_add_up_is_an_error) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "rows=16384"), HasSubstr("268435456 bytes"));
}

TEST(DramPart, a_number_of_banks_that_is_no_power_of_two_is_an_error) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "banks_per_group=7"), HasSubstr("power of two"));
}

TEST(DramPart, a_cycle_shorter_than_its_active_time_is_an_error) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "timings_clocks.tRC=19"), HasSubstr("below tRAS"));
}

TEST(DramPart, a_row_that_opens_slower_than_refreshes_come_is_an_error) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "timings_clocks.tRCD=4200"), HasSubstr("between refreshes"));
}

TEST(DramPart, a_refresh_interval_without_time_for_work_is_an_error) {
  EXPECT_THAT(fault_of("ddr3_1066_1gb_x16", "refresh_interval=0.1 us"), HasSubstr("between refreshes"));
}

}  // namespace
}  // namespace deltahop
