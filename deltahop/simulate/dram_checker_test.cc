// SPDX-License-Identifier: Apache-2.0
// The checker must find a violation of every rule that is one clock wide, and nothing in a legal stream.
#include "deltahop/simulate/dram_checker.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using testing::HasSubstr;
using Kind = DramCommandKind;

constexpr int kGroupStep = 4;  // banks a group of the DDR4 part below

DramCommand command(int64_t clock, Kind kind, int bank = 0, int64_t row = 0, int64_t column = 0) {
  return {clock, kind, {bank, row, column}};
}

// All rules of a DDR4 part differ, so that one cannot stand in for another.
std::string first_fault(const std::vector<DramCommand>& commands) {
  DramChecker checker(load_dram_part("ddr4_2400_4gb_x8"));
  for (const DramCommand& one : commands) checker.check(one);
  return checker.messages().empty() ? "" : checker.messages().front();
}

// Legal with the last command at `clock`, a fault that names the rule one clock earlier.
void expect_bound(std::vector<DramCommand> before, DramCommand last, const std::string& rule) {
  before.push_back(last);
  EXPECT_EQ(first_fault(before), "") << rule;
  --before.back().clock;
  EXPECT_THAT(first_fault(before), HasSubstr(rule));
}

TEST(DramChecker, holds_activations_of_one_bank_apart) {
  expect_bound({command(0, Kind::activate), command(39, Kind::precharge)}, command(55, Kind::activate),
               "tRC");
}

TEST(DramChecker, holds_activations_of_two_banks_apart_by_group) {
  expect_bound({command(0, Kind::activate)}, command(6, Kind::activate, 1), "tRRD_L");
  expect_bound({command(0, Kind::activate)}, command(4, Kind::activate, kGroupStep), "tRRD_S");
}

TEST(DramChecker, allows_four_activations_a_window) {
  expect_bound({command(0, Kind::activate, 0), command(4, Kind::activate, 4), command(8, Kind::activate, 8),
                command(12, Kind::activate, 12)},
               command(26, Kind::activate, 1), "tFAW");
}

TEST(DramChecker, wants_the_row_open_for_tRCD) {
  expect_bound({command(0, Kind::activate)}, command(16, Kind::read), "tRCD");
  expect_bound({command(0, Kind::activate)}, command(16, Kind::write), "tRCD");
}

TEST(DramChecker, wants_the_row_open_for_tRAS) {
  expect_bound({command(0, Kind::activate)}, command(39, Kind::precharge), "tRAS");
}

TEST(DramChecker, wants_tRTP_between_read_and_precharge) {
  expect_bound({command(0, Kind::activate), command(50, Kind::read)}, command(62, Kind::precharge), "tRTP");
}

TEST(DramChecker, wants_the_write_recovered_before_precharge) {
  expect_bound({command(0, Kind::activate), command(50, Kind::write)},
               command(50 + 12 + 4 + 18, Kind::precharge), "tWR");
}

TEST(DramChecker, wants_tRP_after_precharge) {
  expect_bound({command(0, Kind::activate), command(80, Kind::precharge)}, command(96, Kind::activate),
               "tRP");
}

TEST(DramChecker, holds_column_commands_apart_by_group) {
  const std::vector<DramCommand> open = {command(0, Kind::activate), command(6, Kind::activate, 1),
                                         command(10, Kind::activate, kGroupStep), command(50, Kind::read)};
  expect_bound(open, command(56, Kind::read, 1), "tCCD_L");
  expect_bound(open, command(54, Kind::read, kGroupStep), "tCCD_S");
}

TEST(DramChecker, wants_the_write_to_read_time_by_group) {
  const std::vector<DramCommand> open = {command(0, Kind::activate), command(6, Kind::activate, 1),
                                         command(10, Kind::activate, kGroupStep), command(50, Kind::write)};
  expect_bound(open, command(50 + 12 + 4 + 9, Kind::read, 1), "tWTR_L");
  expect_bound(open, command(50 + 12 + 4 + 3, Kind::read, kGroupStep), "tWTR_S");
}

TEST(DramChecker, wants_the_bus_turned_between_read_and_write) {
  // Read data 66..70, two idle clocks, write data from 72: command at 60.
  expect_bound({command(0, Kind::activate), command(50, Kind::read)}, command(60, Kind::write), "data bus");
}

TEST(DramChecker, wants_the_device_quiet_during_refresh) {
  expect_bound({command(0, Kind::refresh)}, command(313, Kind::activate), "tRFC");
  expect_bound({command(0, Kind::refresh)}, command(313, Kind::refresh), "tRFC");
}

TEST(DramChecker, wants_rows_closed_for_tRP_before_refresh) {
  expect_bound({command(0, Kind::activate), command(60, Kind::precharge_all)}, command(76, Kind::refresh),
               "tRP");
  EXPECT_THAT(first_fault({command(0, Kind::activate), command(100, Kind::refresh)}), HasSubstr("is open"));
}

TEST(DramChecker, counts_auto_precharge_from_its_own_time) {
  // After RDA at 16 the row closes at max(16 + tRTP, tRAS) = 39, ready tRP later.
  expect_bound({command(0, Kind::activate), command(16, Kind::read_precharge)}, command(55, Kind::activate),
               "tR");
  // After WRA at 50: 50 + 12 + 4 + 18 + 16 = 100.
  expect_bound({command(0, Kind::activate), command(50, Kind::write_precharge)}, command(100, Kind::activate),
               "tRP");
}

TEST(DramChecker, knows_which_row_is_open) {
  EXPECT_THAT(first_fault({command(0, Kind::activate, 0, 5), command(40, Kind::read, 0, 6)}),
              HasSubstr("open row is 5"));
  EXPECT_THAT(first_fault({command(0, Kind::activate), command(100, Kind::activate)}),
              HasSubstr("still open"));
  EXPECT_THAT(first_fault({command(40, Kind::read)}), HasSubstr("open row is -1"));
}

TEST(DramChecker, allows_one_command_a_clock) {
  EXPECT_THAT(first_fault({command(7, Kind::activate), command(7, Kind::activate, kGroupStep)}),
              HasSubstr("command bus"));
}

TEST(DramChecker, misses_refreshes_that_never_came) {
  const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  DramChecker checker(part);
  checker.finish(8 * part.refresh_interval_clocks());
  EXPECT_EQ(checker.violations(), 0);
  checker.finish(9 * part.refresh_interval_clocks());
  EXPECT_EQ(checker.violations(), 1);
}

}  // namespace
}  // namespace deltahop
