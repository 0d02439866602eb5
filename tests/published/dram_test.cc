// SPDX-License-Identifier: Apache-2.0
// The "50 times" of random against streaming access in DDR3 [Delbruck2019], from the part's timings, and the
// energies beside it.
#include <gtest/gtest.h>

#include "deltahop/simulate/dram_stream.h"

namespace deltahop {
namespace {

constexpr const char* kPart = "ddr3_1066_1gb_x16";

DramRun run_of(const char* part, const char* stream, DramPage page, int outstanding) {
  return run_dram_stream(load_dram_part(part), {.page = page}, parse_dram_stream(stream),
                         {.requests = 200'000, .outstanding = outstanding});
}

// Seconds a wanted byte, random 16-bit reads one at a time against a stream.
double slowdown(const char* part, const char* stream, DramPage page) {
  const DramRun lone = run_of(part, stream, page, 1);
  const DramRun streamed = run_of(part, "sequential", DramPage::open, 0);
  return streamed.wanted_bytes_per_second() / lone.wanted_bytes_per_second();
}

TEST(Dram, a_lone_random_16_bit_read_is_50_times_slower_than_streaming) {
  EXPECT_NEAR(slowdown(kPart, "random:2", DramPage::open), 50.0, 0.03 * 50.0);
}

TEST(Dram, within_one_bank_it_is_54_times) {
  EXPECT_NEAR(slowdown(kPart, "same-bank:2", DramPage::open), 54.0, 0.03 * 54.0);
  EXPECT_NEAR(slowdown(kPart, "same-bank:2", DramPage::closed), 54.0, 0.03 * 54.0);
}

TEST(Dram, with_rows_closed_early_it_is_38_times) {
  // tRCD + CL + BL/2 = 18 clocks, but one in eight falls on the bank of the one before and waits for tRC =
  // 27; half a clock a word when streaming.
  const double expected = (7.0 / 8.0 * 18.0 + 1.0 / 8.0 * 27.0) / 0.5;
  EXPECT_NEAR(slowdown(kPart, "random:2", DramPage::closed), expected, 0.01 * expected);
}

TEST(Dram, the_row_cycle_bounds_other_widths_and_parts_as_tabulated) {
  EXPECT_NEAR(slowdown(kPart, "same-bank:4", DramPage::open), 27.0, 0.03 * 27.0);
  EXPECT_NEAR(slowdown(kPart, "same-bank:16", DramPage::open), 6.75, 0.03 * 6.75);
  EXPECT_NEAR(slowdown("ddr3_1600_2gb_x16", "same-bank:2", DramPage::open), 76.0, 0.03 * 76.0);
  EXPECT_NEAR(slowdown("ddr3_1600_1gb_x16", "same-bank:2", DramPage::open), 78.0, 0.03 * 78.0);
  EXPECT_NEAR(slowdown("ddr3_1600_2gb_x16", "random:2", DramPage::open), 68.0, 0.03 * 68.0);
  EXPECT_NEAR(slowdown("ddr3_1600_1gb_x16", "random:2", DramPage::open), 74.0, 0.03 * 74.0);
}

TEST(Dram, bank_parallelism_limits_the_loss_to_twice) {
  // Four activations a tFAW of 40 ns with whole bursts of 16 bytes: 1.6 GB/s of 3.2.
  const DramRun run = run_dram_stream(load_dram_part("ddr3_1600_2gb_x16"), {.refresh = false},
                                      parse_dram_stream("rotating"), {.requests = 200'000});
  EXPECT_NEAR(run.wanted_bytes_per_second(), 1.6e9, 0.001 * 1.6e9);
}

// Activation and burst only, as the table counts it: background apart.
double command_pJ_per_bit(const DramRun& run) {
  return run.pJ_per_bit(run.energy.activation_pJ + run.energy.read_pJ);
}

TEST(Dram, a_random_16_bit_word_costs_26_to_30_times_the_energy_of_a_streamed_one) {
  EXPECT_NEAR(command_pJ_per_bit(run_of(kPart, "random:2", DramPage::open, 1)), 222.0, 1.0);
  EXPECT_NEAR(command_pJ_per_bit(run_of("ddr3_1600_2gb_x16", "random:2", DramPage::open, 1)), 398.0, 1.0);
  EXPECT_NEAR(command_pJ_per_bit(run_of(kPart, "sequential", DramPage::open, 0)), 8.5, 0.05);
  EXPECT_NEAR(command_pJ_per_bit(run_of("ddr3_1600_2gb_x16", "sequential", DramPage::open, 0)), 13.5, 0.05);
}

class DeltaColumns : public testing::TestWithParam<const char*> {};

// Columns of 3 x 768 bytes: a GRU of 768 units with 8-bit weights.
TEST_P(DeltaColumns, move_at_97_percent_of_streaming_or_more) {
  const double streaming = run_of(GetParam(), "sequential", DramPage::open, 0).wanted_bytes_per_second();
  for (const char* columns :
       {"columns:2304:50%", "columns:2304:25%", "columns:2304:10%", "columns:2304:5%"}) {
    EXPECT_GE(run_of(GetParam(), columns, DramPage::open, 0).wanted_bytes_per_second(), 0.97 * streaming)
        << columns;
  }
  EXPECT_LT(run_of(GetParam(), "random:2", DramPage::open, 0).wanted_bytes_per_second(), 0.1 * streaming);
  EXPECT_LT(run_of(GetParam(), "random:2", DramPage::open, 1).wanted_bytes_per_second(), 0.03 * streaming);
}

INSTANTIATE_TEST_SUITE_P(Ddr3, DeltaColumns,
                         testing::Values("ddr3_1066_1gb_x16", "ddr3_1333_1gb_x16", "ddr3_1600_2gb_x16",
                                         "ddr3_1600_1gb_x16", "ddr3l_1600_4gb_x16"),
                         [](const auto& part) { return std::string(part.param); });

TEST(Dram, on_ddr4_with_groups_above_the_columns_sparse_columns_are_faster_than_the_dense_stream) {
  const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  const DramController above{.mapping = "row-group-bank-column"};
  const auto bandwidth = [&](const char* stream, const DramController& controller) {
    return run_dram_stream(part, controller, parse_dram_stream(stream), {.requests = 200'000})
        .wanted_bytes_per_second();
  };
  EXPECT_GT(bandwidth("columns:256:10%", above), 1.05 * bandwidth("sequential", above));
  EXPECT_LT(bandwidth("columns:256:10%", {}), bandwidth("sequential", {}));
}

}  // namespace
}  // namespace deltahop
