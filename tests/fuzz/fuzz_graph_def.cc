// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frozen TensorFlow graph: loaded, bound and, where that is little work, run. Nothing but
// Error may come of it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def.h"
#include "tests/fuzz/run_if_small.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    deltahop::run_if_small(deltahop::parse_graph_def({reinterpret_cast<const char*>(data), size}, "fuzz.pb"));
  } catch (const deltahop::Error&) {
  }
  return 0;
}
