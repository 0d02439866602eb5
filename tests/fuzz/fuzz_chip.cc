// SPDX-License-Identifier: Apache-2.0
// Any text as the configuration of every chip.
#include <cstddef>
#include <cstdint>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  static const std::vector<AcceleratorKind> kinds = accelerator_kinds();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const AcceleratorKind& kind : kinds) {
    try {
      (void)kind.make(Config::from_text(text, "fuzz.yaml"))->resolved_configuration();
    } catch (const Error&) {
    }
  }
  return 0;
}
