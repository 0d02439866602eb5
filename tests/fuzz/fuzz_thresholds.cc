// SPDX-License-Identifier: Apache-2.0
// Any text as the thresholds of a delta network, and as the number formats of its GRUs: what is read is
// written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/quantized_gru.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const DeltaGruFormats formats = parse_gru_formats(text, "fuzz.txt");
    if (!(parse_gru_formats(text_of(formats), "again") == formats)) std::abort();
  } catch (const Error&) {
  }
  try {
    const ThresholdTable table = parse_thresholds(text, "fuzz.txt");
    if (!(parse_thresholds(text_of(table), "again") == table)) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
