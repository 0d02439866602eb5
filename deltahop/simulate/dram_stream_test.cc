// SPDX-License-Identifier: Apache-2.0
// Streams against their closed forms: clocks a request in the steady state.
#include "deltahop/simulate/dram_stream.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

constexpr int64_t kRequests = 40'000;

double clocks_per_request(const DramRun& run) {
  return static_cast<double>(run.clocks - run.first_clock) / static_cast<double>(run.requests - 1);
}

DramRun run_of(const DramPart& part, const char* stream, DramController controller, DramLoad load) {
  load.requests = kRequests;
  return run_dram_stream(part, controller, parse_dram_stream(stream), load);
}

// A burst lasts BL/2 clocks or, where its bank group is the last one's, tCCD_L.
int64_t same_bank_read(const DramPart& part) {
  const DramTimings& t = part.timings;
  return std::max({t.tRC, t.tRAS + t.tRP, t.tRCD + t.tRTP + t.tRP});
}
int64_t same_bank_write(const DramPart& part) {
  const DramTimings& t = part.timings;
  return t.tRCD + t.CWL + part.burst_clocks() + t.tWR + t.tRP;
}
double rotating_read(const DramPart& part) {
  const DramTimings& t = part.timings;
  const double spacing = static_cast<double>(part.bank_groups > 1 ? t.tRRD_S : t.tRRD_L);
  return std::max({spacing, static_cast<double>(t.tFAW) / 4, static_cast<double>(part.burst_clocks())});
}
// A refresh takes its own time out of every interval, and that of closing the rows before it and opening them
// after it: `around` clocks.
double with_refresh(const DramPart& part, double clocks, int64_t around) {
  const auto interval = static_cast<double>(part.refresh_interval_clocks());
  return clocks * interval / (interval - static_cast<double>(part.timings.tRFC + around));
}

class ClosedForm : public testing::TestWithParam<std::string> {
 protected:
  DramPart part = load_dram_part(GetParam());
};

TEST_P(ClosedForm, saturated_reads_of_one_bank_take_a_row_cycle_each) {
  EXPECT_EQ(clocks_per_request(run_of(part, "same-bank", {.refresh = false}, {})),
            static_cast<double>(same_bank_read(part)));
}

TEST_P(ClosedForm, saturated_writes_of_one_bank_take_their_recovery_too) {
  EXPECT_EQ(clocks_per_request(run_of(part, "same-bank", {.refresh = false}, {.write_fraction = 1.0})),
            static_cast<double>(std::max(same_bank_write(part), part.timings.tRC)));
}

TEST_P(ClosedForm, single_bursts_that_rotate_over_banks_are_bound_by_activations) {
  const DramRun run = run_of(part, "rotating", {.refresh = false}, {});
  EXPECT_NEAR(clocks_per_request(run), rotating_read(part), 8.0 / kRequests * rotating_read(part));
}

TEST_P(ClosedForm, a_saturated_stream_fills_the_data_bus) {
  const DramRun run = run_of(part, "sequential", {.refresh = false}, {});
  EXPECT_EQ(clocks_per_request(run), static_cast<double>(part.burst_clocks()));
}

TEST_P(ClosedForm, holds_within_a_hundredth_with_refresh) {
  const DramTimings& t = part.timings;
  const auto ratio = [&](const char* stream, double writes, double clocks, int64_t around) {
    return clocks_per_request(run_of(part, stream, {}, {.write_fraction = writes})) /
           with_refresh(part, clocks, around);
  };
  const auto write = static_cast<double>(std::max(same_bank_write(part), t.tRC));
  EXPECT_NEAR(ratio("same-bank", 0, static_cast<double>(same_bank_read(part)), 0), 1.0, 0.01);
  EXPECT_NEAR(ratio("same-bank", 1, write, t.tRP + t.tRCD), 1.0, 0.01);
  EXPECT_NEAR(ratio("rotating", 0, rotating_read(part), t.tRAS + t.tRP), 1.0, 0.01);
  EXPECT_NEAR(ratio("sequential", 0, static_cast<double>(part.burst_clocks()), t.tRTP + t.tRP + t.tRCD), 1.0,
              0.01);
}

INSTANTIATE_TEST_SUITE_P(Parts, ClosedForm, testing::ValuesIn(dram_part_names()),
                         [](const auto& name) { return name.param; });

TEST(DramStream, one_read_at_a_time_costs_its_whole_latency) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  const DramRun run = run_of(part, "sequential", {.refresh = false}, {.outstanding = 1});
  // A row hit: CL + BL/2. Eight in 1024 open a row on the way, so count the latency most have.
  EXPECT_EQ(run.latency.quantile(0.5), 7 + 4);
}

TEST(DramStream, a_closed_page_hides_the_precharge_of_a_lone_random_read) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  const DramRun open = run_of(part, "random", {.refresh = false}, {.outstanding = 1});
  const DramRun closed =
      run_of(part, "random", {.page = DramPage::closed, .refresh = false}, {.outstanding = 1});
  EXPECT_EQ(open.latency.quantile(0.5), 7 + 7 + 7 + 4);
  EXPECT_EQ(closed.latency.quantile(0.5), 7 + 7 + 4);
}

TEST(DramStream, bank_groups_above_the_columns_slow_a_ddr4_stream_to_tCCD_L) {
  const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  const DramRun above =
      run_of(part, "sequential", {.mapping = "row-group-bank-column", .refresh = false}, {});
  const DramRun below =
      run_of(part, "sequential", {.mapping = "row-bank-column-group", .refresh = false}, {});
  // A queue of 32 sees the next row of 128 bursts, in another group, and mixes the two where they meet.
  EXPECT_NEAR(clocks_per_request(above), 6.0, 0.25);
  EXPECT_EQ(clocks_per_request(below), 4.0);
}

TEST(DramStream, every_burst_is_a_hit_a_miss_or_a_conflict) {
  const DramRun run = run_of(load_dram_part("ddr3l_1600_4gb_x16"), "random", {}, {.write_fraction = 0.4});
  const DramCounters& c = run.counters;
  EXPECT_EQ(c.row_hits + c.row_misses + c.row_conflicts, c.reads + c.writes);
  EXPECT_EQ(c.reads + c.writes + c.forwarded, run.requests);
  EXPECT_EQ(run.latency.count(), run.requests);
}

TEST(DramStream, refreshes_come_as_often_as_the_part_asks) {
  const DramPart part = load_dram_part("ddr3l_1600_4gb_x16");
  const DramRun run = run_of(part, "random", {}, {});
  EXPECT_NEAR(static_cast<double>(run.counters.refreshes),
              static_cast<double>(run.clocks / part.refresh_interval_clocks()), 1.0);
}

TEST(DramStream, two_chips_side_by_side_move_twice_the_bytes_for_twice_the_energy) {
  const DramPart part = load_dram_part("ddr3l_1600_4gb_x16");
  const DramRun one = run_of(part, "sequential", {.refresh = false}, {});
  const DramRun two = run_of(part, "sequential", {.refresh = false, .chips = 2}, {});
  EXPECT_EQ(two.bytes_moved, 2 * one.bytes_moved);
  EXPECT_EQ(two.clocks, one.clocks);
  EXPECT_DOUBLE_EQ(two.energy.total_pJ(), 2 * one.energy.total_pJ());
}

TEST(DramStream, columns_read_what_is_kept_and_no_more) {
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  // 100 columns of 40 bytes: three bursts each, 30 of them a step.
  const DramRun run =
      run_dram_stream(part, {}, parse_dram_stream("columns:40:0.3:100"), {.requests = 30 * 3 * 10});
  EXPECT_EQ(run.bytes_wanted, 30 * 40 * 10);
  EXPECT_EQ(run.bytes_moved, 30 * 48 * 10);
}

TEST(DramStream, text_of_a_stream_is_read_strictly) {
  const auto fault = [](const char* text) -> std::string {
    try {
      parse_dram_stream(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(fault("squential"), HasSubstr("sequential"));
  EXPECT_THAT(fault("columns"), HasSubstr("bytes of a column"));
  EXPECT_THAT(fault("columns:0"), HasSubstr("whole number"));
  EXPECT_THAT(fault("columns:64:1.5"), HasSubstr("fraction"));
  EXPECT_THAT(fault("columns:64:nan"), HasSubstr("fraction"));
  EXPECT_THAT(fault("random:16:2"), HasSubstr("at most"));
  EXPECT_THAT(fault("sequential:4"), HasSubstr("at most"));
  EXPECT_EQ(parse_dram_stream("columns:2304:10%:768").kept_fraction, 0.1);
}

TEST(DramHistogram, keeps_small_values_exactly_and_large_ones_to_a_thousandth) {
  DramHistogram histogram;
  for (int64_t value = 1; value <= 1000; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile(0.5), 500);
  EXPECT_EQ(histogram.quantile(0.99), 990);
  EXPECT_EQ(histogram.mean(), 500.5);
  histogram.add(123'456'789);
  EXPECT_NEAR(static_cast<double>(histogram.quantile(1.0)), 123'456'789.0, 123'456.0);
  EXPECT_EQ(histogram.highest(), 123'456'789);
}

TEST(DramHistogram, ranges_hold_every_value_once) {
  DramHistogram histogram;
  for (int64_t value = 11; value < 500; value += 7) histogram.add(value);
  int64_t sum = 0;
  for (const auto& [upper, count] : histogram.ranges(12)) sum += count;
  EXPECT_EQ(sum, histogram.count());
}

}  // namespace
}  // namespace deltahop
