// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Deep Compression file of a network with two layers.
#include <cstddef>
#include <cstdint>

#include "deltahop/io/deep_compression.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    parse_deep_compression({reinterpret_cast<const char*>(data), size}, "fuzz.net", {{2, 20}, {3, 2, 2, 2}});
  } catch (const Error&) {
  }
  return 0;
}
