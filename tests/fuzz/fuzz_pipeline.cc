// SPDX-License-Identifier: Apache-2.0
// Any text as the YAML of a sound pipeline.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/pipeline/description.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const Config config = Config::from_text({reinterpret_cast<const char*>(data), size}, "fuzz");
    read_pipeline(config);
    config.finish();
  } catch (const Error&) {
  }
  return 0;
}
