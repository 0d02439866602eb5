// SPDX-License-Identifier: Apache-2.0
// Any text as the file of measured break-evens: what is read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/run/break_even_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const BreakEvenTable table =
        BreakEvenTable::parse({reinterpret_cast<const char*>(data), size}, "fuzz.txt");
    if (BreakEvenTable::parse(table.text(), "again").text() != table.text()) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
