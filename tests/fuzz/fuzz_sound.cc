// SPDX-License-Identifier: Apache-2.0
// Any bytes as a WAV or FLAC file; what is read must survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "deltahop/base/error.h"
#include "deltahop/io/sound.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  try {
    const Sound sound = decode_sound({reinterpret_cast<const char*>(data), size}, "fuzz");
    if (sound.samples.size() > 1 << 16) return 0;
    mono(sound);
    if (decode_sound(encode_wav(sound, WavFormat::float32), "again").samples != sound.samples) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
