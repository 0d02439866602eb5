// SPDX-License-Identifier: Apache-2.0
// Traces of DRAM requests and commands as text.
//   0x4A0 READ 120      DRAMsim3: address, kind, clock; also R, W and lines without a clock
//   LD 0x4a0            Ramulator 2, load-store trace: no clocks
// Blank lines and what follows a # do not count. One line asks for the burst in which its address lies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/simulate/dram_channel.h"

namespace deltahop {

// Either form, line by line. Throws Error with the line where one is not understood, an address lies beyond
// `bytes` or a clock goes backwards.
std::vector<DramRequest> parse_dram_trace(std::string_view text, std::string_view name, uint64_t bytes);

enum class DramTraceFormat : uint8_t { dramsim3, ramulator2 };
std::vector<std::string> dram_trace_formats();
DramTraceFormat parse_dram_trace_format(std::string_view name);  // throws Error

// One line each, with its end.
std::string trace_line(const DramRequest& request, DramTraceFormat format);
std::string trace_line(const DramCommand& command);  // "clock,command,bank,row,column"
std::string_view command_trace_header();

}  // namespace deltahop
