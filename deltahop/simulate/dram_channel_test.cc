// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_channel.h"

#include <gtest/gtest.h>

namespace deltahop {
namespace {

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

}  // namespace
}  // namespace deltahop
