// SPDX-License-Identifier: Apache-2.0
// Any text as the thresholds of a delta network: what is read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/network/delta_thresholds.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const ThresholdTable table = parse_thresholds({reinterpret_cast<const char*>(data), size}, "fuzz.txt");
    if (!(parse_thresholds(text_of(table), "again") == table)) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
