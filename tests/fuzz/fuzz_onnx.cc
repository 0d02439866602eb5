// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX file: loaded, bound and, where that is little work, run. Nothing but Error may come of
// it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/io/onnx.h"
#include "tests/fuzz/run_if_small.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    deltahop::run_if_small(deltahop::parse_onnx(bytes, "fuzz.onnx", {}));
  } catch (const deltahop::Error&) {
  }
  try {
    deltahop::parse_tensor_proto(bytes, "fuzz.pb");
  } catch (const deltahop::Error&) {
  }
  return 0;
}
