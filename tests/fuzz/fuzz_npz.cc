// SPDX-License-Identifier: Apache-2.0
// Any bytes as an NPY and as an NPZ file: an array comes back as it is written, or Error says why not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/io/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const Tensor tensor = parse_npy(bytes, "fuzz.npy");
    if (!(parse_npy(npy_text(tensor), "again.npy") == tensor)) std::abort();
  } catch (const Error&) {
  }
  try {
    parse_npz(bytes, "fuzz.npz");
  } catch (const Error&) {
  }
  return 0;
}
