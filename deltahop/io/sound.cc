// SPDX-License-Identifier: Apache-2.0
// WAV and FLAC by libsndfile, which reads from memory here. What it lets pass is checked before: a WAV file
// whose data is cut off, and a FLAC file that gives fewer samples than it says.
#include "deltahop/io/sound.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {
namespace {

constexpr int64_t kMostChannels = 256;
constexpr int64_t kMostRate = 1 << 20;          // Hz
constexpr uint64_t kMostWavSamplesPerByte = 8;  // the densest codes have 1.6 bits a sample
// FLAC stores a block of silence, usually 4096 frames, in about 11 bytes and 3 more a channel.
constexpr uint64_t kMostFlacSamplesPerByte = 1024;
constexpr uint64_t kMostSamples = uint64_t{1} << 29;  // 100 minutes of stereo at 44.1 kHz

// libsndfile's view of bytes in memory.
struct Memory {
  std::string_view read;
  std::string* written = nullptr;  // instead of `read`
  sf_count_t position = 0;

  sf_count_t size() const {
    return static_cast<sf_count_t>(written != nullptr ? written->size() : read.size());
  }
};

Memory& memory_of(void* user) { return *static_cast<Memory*>(user); }

sf_count_t seek(sf_count_t offset, int whence, void* user) {
  Memory& memory = memory_of(user);
  const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.position : memory.size();
  memory.position = std::max<sf_count_t>(base + offset, 0);
  return memory.position;
}

sf_count_t read(void* target, sf_count_t count, void* user) {
  Memory& memory = memory_of(user);
  const sf_count_t left = std::max<sf_count_t>(memory.size() - memory.position, 0);
  const sf_count_t taken = std::clamp<sf_count_t>(count, 0, left);
  if (taken > 0) std::memcpy(target, memory.read.data() + memory.position, static_cast<size_t>(taken));
  memory.position += taken;
  return taken;
}

sf_count_t write(const void* source, sf_count_t count, void* user) {
  Memory& memory = memory_of(user);
  const auto end = static_cast<size_t>(memory.position + count);
  if (end > memory.written->size()) memory.written->resize(end);
  std::memcpy(memory.written->data() + memory.position, source, static_cast<size_t>(count));
  memory.position += count;
  return count;
}

SF_VIRTUAL_IO virtual_io() {
  return {.get_filelen = [](void* user) { return memory_of(user).size(); },
          .seek = seek,
          .read = read,
          .write = write,
          .tell = [](void* user) { return memory_of(user).position; }};
}

struct CloseSound {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, CloseSound>;

// Programs that write to a pipe cannot go back to fill in the size and leave one near the largest.
constexpr uint32_t kUnknownSize = 0x7ffff000;

bool is_wav(std::string_view content) {
  const std::string_view kind = content.substr(0, 4);
  return (kind == "RIFF" || kind == "RIFX") && content.substr(0, 12).ends_with("WAVE") &&
         content.size() >= 12;
}

uint32_t size_at(std::string_view content, size_t place, bool big_endian) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    const auto byte = static_cast<uint32_t>(static_cast<unsigned char>(content[place + i]));
    value |= byte << (8 * (big_endian ? 3 - i : i));
  }
  return value;
}

// libsndfile silently takes what is left of a cut-off data chunk.
void check_wav_whole(std::string_view content, std::string_view name) {
  const bool big_endian = content.starts_with("RIFX");
  size_t place = 12;
  while (place + 8 <= content.size()) {
    const uint32_t size = size_at(content, place + 4, big_endian);
    const size_t left = content.size() - place - 8;
    if (content.substr(place, 4) == "data") {
      if (size > left && size < kUnknownSize)
        throw Error(name, fmt::format("is cut off: {} of {} bytes of samples are there", left, size),
                    "copy the file again");
      return;
    }
    place += 8 + std::min<size_t>(size_t{size} + size % 2, left);
  }
  throw Error(name, "is a WAV file without samples", "it has no data chunk; copy the file again");
}

void check_header(const SF_INFO& info, std::string_view name) {
  if (info.channels < 1 || info.channels > kMostChannels || info.samplerate < 1 ||
      info.samplerate > kMostRate)
    throw Error(name, fmt::format("has {} channels at {} Hz", info.channels, info.samplerate),
                "the file is damaged");
}

std::vector<float> read_samples(SNDFILE* file, const SF_INFO& info, uint64_t most, std::string_view name) {
  const auto channels = static_cast<size_t>(info.channels);
  std::vector<float> samples;
  constexpr size_t kFrames = 16384;
  for (size_t kept = 0;;) {
    samples.resize(kept + kFrames * channels);
    const sf_count_t frames = sf_readf_float(file, samples.data() + kept, static_cast<sf_count_t>(kFrames));
    kept += static_cast<size_t>(std::max<sf_count_t>(frames, 0)) * channels;
    if (kept > most)
      throw Error(name, fmt::format("holds more samples than its bytes can account for (above {})", most),
                  "the file is damaged");
    if (frames < static_cast<sf_count_t>(kFrames)) {
      samples.resize(kept);
      return samples;
    }
  }
}

}  // namespace

bool is_sound(std::string_view content) { return is_wav(content) || content.starts_with("fLaC"); }

Sound decode_sound(std::string_view content, std::string_view name) {
  if (content.empty()) throw Error(name, "is empty");
  if (!is_sound(content)) throw Error(name, "is neither a WAV nor a FLAC file", "convert it to WAV");
  if (is_wav(content)) check_wav_whole(content, name);
  SF_VIRTUAL_IO access = virtual_io();
  Memory memory{.read = content};
  SF_INFO info = {};
  const SoundFile file(sf_open_virtual(&access, SFM_READ, &info, &memory));
  if (!file)
    throw Error(name, fmt::format("cannot be read: {}", sf_strerror(nullptr)), "the file is damaged");
  check_header(info, name);
  const uint64_t per_byte = is_wav(content) ? kMostWavSamplesPerByte : kMostFlacSamplesPerByte;
  const uint64_t most = std::min(content.size() * per_byte, kMostSamples);
  Sound sound{.rate_Hz = info.samplerate, .channels = info.channels};
  sound.samples = read_samples(file.get(), info, most, name);
  if (sf_error(file.get()) != SF_ERR_NO_ERROR)
    throw Error(name, fmt::format("cannot be read to its end: {}", sf_strerror(file.get())),
                "the file is damaged");
  if (info.frames != SF_COUNT_MAX && sound.frames() < info.frames)
    throw Error(name, fmt::format("is cut off: {} of {} frames are there", sound.frames(), info.frames),
                "copy the file again");
  for (const float sample : sound.samples) {
    if (!std::isfinite(sample))
      throw Error(name, "holds a sample that is not a number", "write the file again");
  }
  return sound;
}

Sound read_sound(const std::filesystem::path& path) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 32;
  return decode_sound(read_file(path, kMostBytes), path.string());
}

std::vector<float> mono(const Sound& sound) {
  if (sound.channels == 1) return sound.samples;
  std::vector<float> means(static_cast<size_t>(sound.frames()));
  const auto channels = static_cast<size_t>(sound.channels);
  for (size_t i = 0; i < means.size(); ++i) {
    double sum = 0;
    for (size_t c = 0; c < channels; ++c) sum += static_cast<double>(sound.samples[i * channels + c]);
    means[i] = static_cast<float>(sum / static_cast<double>(channels));
  }
  return means;
}

std::string encode_wav(const Sound& sound, WavFormat format) {
  DELTAHOP_CHECK(sound.channels >= 1 && sound.channels <= kMostChannels && sound.rate_Hz >= 1 &&
                 sound.rate_Hz <= kMostRate &&
                 sound.samples.size() % static_cast<size_t>(sound.channels) == 0);
  if (sound.samples.size() > kMostSamples)
    throw Error("wav", fmt::format("{} samples are more than a WAV file holds", sound.samples.size()));
  std::string content;
  Memory memory{.read = {}, .written = &content};
  SF_VIRTUAL_IO access = virtual_io();
  SF_INFO info = {};
  info.samplerate = static_cast<int>(sound.rate_Hz);
  info.channels = static_cast<int>(sound.channels);
  info.format = SF_FORMAT_WAV | (format == WavFormat::int16 ? SF_FORMAT_PCM_16 : SF_FORMAT_FLOAT);
  SoundFile file(sf_open_virtual(&access, SFM_WRITE, &info, &memory));
  DELTAHOP_CHECK(file != nullptr);
  sf_command(file.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);  // it would hold the time of day
  const auto frames = static_cast<sf_count_t>(sound.frames());
  if (format == WavFormat::float32) {
    DELTAHOP_CHECK(sf_writef_float(file.get(), sound.samples.data(), frames) == frames);
  } else {
    // Ours, because libsndfile writes 2^15 - 1 for 1 but reads it back as less.
    std::vector<int16_t> codes;
    codes.reserve(sound.samples.size());
    for (const float sample : sound.samples)
      codes.push_back(static_cast<int16_t>(std::lrint(std::clamp(sample * 32768.0F, -32768.0F, 32767.0F))));
    DELTAHOP_CHECK(sf_writef_short(file.get(), codes.data(), frames) == frames);
  }
  file.reset();
  return content;
}

void write_wav(const std::filesystem::path& path, const Sound& sound, WavFormat format) {
  write_file(path, encode_wav(sound, format));
}

}  // namespace deltahop
