// SPDX-License-Identifier: Apache-2.0
// WAV and FLAC files as samples in -1..1, any rate, any number of channels; and WAV files back.
//   const Sound sound = read_sound("speech.flac");
//   write_wav("enhanced.wav", {.rate_Hz = 16000, .channels = 1, .samples = enhanced});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

struct Sound {
  int64_t rate_Hz = 0;
  int64_t channels = 1;
  std::vector<float> samples = {};  // interleaved, a sample a channel; of 16-bit codes code / 2^15
  int64_t frames() const { return static_cast<int64_t>(samples.size()) / channels; }
};

// By the first bytes, not by the name.
bool is_sound(std::string_view content);

// Throws Error (place: `name`) on other formats, on a damaged or cut-off file, on samples that are no numbers
// and on files that say they hold more than their bytes can account for.
Sound decode_sound(std::string_view content, std::string_view name);
Sound read_sound(const std::filesystem::path& path);

// The mean of all channels.
std::vector<float> mono(const Sound& sound);

// int16 rounds to the nearest code and clips at the ends; float32 keeps every bit.
enum class WavFormat : uint8_t { int16, float32 };
std::string encode_wav(const Sound& sound, WavFormat format = WavFormat::int16);
// Written beside its place and renamed, so that nothing is left half-written.
void write_wav(const std::filesystem::path& path, const Sound& sound, WavFormat format = WavFormat::int16);

}  // namespace deltahop
