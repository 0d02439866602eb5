// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: what is read cannot be more than the file holds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    size_t held = 0;
    for (const auto& [name, tensor] :
         parse_safetensors({reinterpret_cast<const char*>(data), size}, "fuzz.safetensors")) {
      held += tensor.bytes().size();
    }
    if (held > size) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
