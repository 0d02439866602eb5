// SPDX-License-Identifier: Apache-2.0
// Any bytes as a trace of DRAM requests, played on a channel whose commands are checked; and as the text of
// an address mapping and of a stream.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/simulate/dram_checker.h"
#include "deltahop/simulate/dram_stream.h"
#include "deltahop/simulate/dram_trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  static const DramPart part = load_dram_part("ddr4_2400_4gb_x8");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    DramMapping(text, part, 1);
  } catch (const Error&) {
  }
  try {
    parse_dram_stream(text);
  } catch (const Error&) {
  }
  try {
    DramStream stream;
    stream.kind = DramStream::Kind::trace;
    stream.trace = parse_dram_trace(text, "trace", static_cast<uint64_t>(part.bytes()));
    // Refreshes of a long idle time are true work: not here.
    if (stream.trace.back().arrival > 100'000) return 0;
    DramChecker checker(part);
    run_dram_stream(part, {}, stream, {},
                    {.command = [&](const DramCommand& command) { checker.check(command); }});
    DELTAHOP_CHECK(checker.violations() == 0);
  } catch (const Error&) {
  }
  return 0;
}
