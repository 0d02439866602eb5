// SPDX-License-Identifier: Apache-2.0
// Any bytes as a PNG or JPEG picture, then made into an input of a network.
#include <cstddef>
#include <cstdint>

#include "deltahop/io/picture.h"
#include "deltahop/io/samples.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const Sample sample{"fuzz", decode_picture({reinterpret_cast<const char*>(data), size}, "fuzz"), true,
                        std::nullopt};
    if (sample.values.size() > 1 << 20) return 0;
    Preprocessing preprocessing;
    preprocessing.resize_short_side = 6;
    preprocessing.center_crop = true;
    prepared(sample, preprocessing, {1, 3, 5, 5});
  } catch (const Error&) {
  }
  return 0;
}
