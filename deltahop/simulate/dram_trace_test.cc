// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr uint64_t kBytes = 1 << 20;

std::string fault_of(std::string_view text) {
  try {
    parse_dram_trace(text, "t.trc", kBytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DramTrace, both_forms_are_read_and_comments_do_not_count) {
  const auto requests =
      parse_dram_trace("# start\n0x40 READ 5\n\n64 w 9 # note\r\nST 0xFF\nLD 1", "t", kBytes);
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[0].address, 64U);
  EXPECT_FALSE(requests[0].write);
  EXPECT_EQ(requests[0].arrival, 5);
  EXPECT_TRUE(requests[1].write);
  EXPECT_EQ(requests[1].arrival, 9);
  EXPECT_TRUE(requests[2].write);
  EXPECT_EQ(requests[2].address, 255U);
  EXPECT_EQ(requests[3].address, 1U);
}

TEST(DramTrace, every_fault_names_its_line) {
  EXPECT_THAT(fault_of("0x0 READ\n0x10 LOAD 3\n"), StartsWith("t.trc:2: 'LOAD' is neither"));
  EXPECT_THAT(fault_of("\n\nhello READ\n"), StartsWith("t.trc:3: 'hello' is no address"));
  EXPECT_THAT(fault_of("0x READ"), StartsWith("t.trc:1: '0x' is no address"));
  EXPECT_THAT(fault_of("0x100000 READ 1"), HasSubstr("beyond the memory's 1048576 bytes"));
  EXPECT_THAT(fault_of("0 READ 7\n0 READ 6\n"), StartsWith("t.trc:2: clock 6 comes after clock 7"));
  EXPECT_THAT(fault_of("0 READ -1"), StartsWith("t.trc:1: '-1' is no clock"));
  EXPECT_THAT(fault_of("0 READ 99999999999999999999"), HasSubstr("is no clock"));
  EXPECT_THAT(fault_of("LD 4 5"), HasSubstr("nothing else"));
  EXPECT_THAT(fault_of("0 READ 1 2 3"), HasSubstr("more than three words"));
  EXPECT_THAT(fault_of("7"), HasSubstr("wants an address and READ or WRITE"));
  EXPECT_THAT(fault_of("# nothing\n"), HasSubstr("holds no requests"));
}

TEST(DramTrace, what_is_written_reads_back_the_same) {
  const std::vector<DramRequest> requests = {{0, false, 0}, {0xABCD0, true, 17}, {64, false, 17}};
  for (const std::string& name : dram_trace_formats()) {
    const DramTraceFormat format = parse_dram_trace_format(name);
    std::string text;
    for (const DramRequest& request : requests) text += trace_line(request, format);
    const auto again = parse_dram_trace(text, name, kBytes);
    ASSERT_EQ(again.size(), requests.size());
    for (size_t i = 0; i < again.size(); ++i) {
      EXPECT_EQ(again[i].address, requests[i].address);
      EXPECT_EQ(again[i].write, requests[i].write);
      EXPECT_EQ(again[i].arrival, format == DramTraceFormat::dramsim3 ? requests[i].arrival : 0);
    }
  }
}

TEST(DramTrace, lines_look_as_the_other_simulators_want_them) {
  EXPECT_EQ(trace_line({0x4a0, false, 120}, DramTraceFormat::dramsim3), "0x4a0 READ 120\n");
  EXPECT_EQ(trace_line({0x4a0, true, 120}, DramTraceFormat::ramulator2), "ST 0x4a0\n");
  EXPECT_EQ(trace_line({7, DramCommandKind::activate, {3, 11, 0}}), "7,ACT,3,11,0\n");
}

TEST(DramTrace, an_unknown_format_names_the_known_ones) {
  EXPECT_THROW(parse_dram_trace_format("dramsim"), Error);
}

}  // namespace
}  // namespace deltahop
