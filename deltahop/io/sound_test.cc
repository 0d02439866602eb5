// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/sound.h"

#include <sndfile.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

// Samples that are 16-bit codes, so that no rounding is in the way.
Sound random_sound(int64_t rate_Hz, int64_t channels, int64_t frames) {
  Random random(2);
  Sound sound{.rate_Hz = rate_Hz, .channels = channels};
  for (int64_t i = 0; i < frames * channels; ++i)
    sound.samples.push_back(static_cast<float>(random.integer(-32768, 32767)) / 32768.0F);
  return sound;
}

class SoundFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("deltahop_sound_{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Any format that libsndfile writes.
  std::string encoded(const Sound& sound, int format) const {
    const fs::path path = folder_ / "encoded";
    SF_INFO info = {};
    info.samplerate = static_cast<int>(sound.rate_Hz);
    info.channels = static_cast<int>(sound.channels);
    info.format = format;
    SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
    EXPECT_NE(file, nullptr);
    std::vector<short> codes;
    for (const float sample : sound.samples) codes.push_back(static_cast<short>(std::lrint(sample * 32768)));
    sf_write_short(file, codes.data(), static_cast<sf_count_t>(codes.size()));
    sf_close(file);
    return read_file(path);
  }
  fs::path folder_;
};

TEST_F(SoundFileTest, KeepsSixteenBitsThroughWav) {
  for (const int64_t channels : {1, 2, 6}) {
    const Sound sound = random_sound(44100, channels, 1000);
    const fs::path path = folder_ / "new" / "folder" / "x.wav";
    write_wav(path, sound);
    const Sound again = read_sound(path);
    EXPECT_EQ(again.rate_Hz, 44100);
    EXPECT_EQ(again.channels, channels);
    EXPECT_EQ(again.samples, sound.samples);
  }
}

TEST_F(SoundFileTest, KeepsEveryBitOfFloats) {
  const Sound sound{.rate_Hz = 12345, .channels = 1, .samples = {0.1F, -1e-30F, 2.5F, 1.0F}};
  EXPECT_EQ(decode_sound(encode_wav(sound, WavFormat::float32), "x").samples, sound.samples);
}

TEST_F(SoundFileTest, ClipsAndRoundsToSixteenBits) {
  const Sound sound{.rate_Hz = 8000, .channels = 1, .samples = {3.0F, -3.0F, 1.4F / 32768, -1.6F / 32768}};
  const std::vector<float> wanted = {32767.0F / 32768, -1.0F, 1.0F / 32768, -2.0F / 32768};
  EXPECT_EQ(decode_sound(encode_wav(sound), "x").samples, wanted);
}

TEST_F(SoundFileTest, ReadsFlacAndWavOfEveryWidth) {
  const Sound sound = random_sound(22050, 2, 5000);
  for (const int format :
       {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_24,
        SF_FORMAT_WAV | SF_FORMAT_PCM_24, SF_FORMAT_WAV | SF_FORMAT_PCM_32,
        SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG}) {
    const Sound again = decode_sound(encoded(sound, format), "x");
    EXPECT_EQ(again.rate_Hz, 22050);
    EXPECT_EQ(again.samples, sound.samples) << format;
  }
}

TEST_F(SoundFileTest, ReadsLongSilenceThatFlacMakesShort) {
  for (const int64_t channels : {1, 2, 8}) {
    const Sound silence{.rate_Hz = 16000,
                        .channels = channels,
                        .samples = std::vector<float>(static_cast<size_t>(160000 * channels))};
    EXPECT_EQ(decode_sound(encoded(silence, SF_FORMAT_FLAC | SF_FORMAT_PCM_16), "x").samples,
              silence.samples);
  }
}

TEST_F(SoundFileTest, RefusesFilesThatAreCutOff) {
  const Sound sound = random_sound(16000, 1, 9000);
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16}) {
    const std::string whole = encoded(sound, format);
    for (const size_t kept :
         {size_t{1}, size_t{11}, size_t{30}, size_t{43}, size_t{60}, whole.size() / 2, whole.size() - 2}) {
      EXPECT_THROW(decode_sound(whole.substr(0, kept), "x"), Error) << kept << " of " << whole.size();
    }
  }
  EXPECT_THAT([&] { decode_sound(encode_wav(sound).substr(0, 1044), "x.wav"); },
              ThrowsMessage<Error>(HasSubstr("x.wav: is cut off: 1000 of 18000 bytes of samples are there")));
}

TEST_F(SoundFileTest, RefusesWhatIsNoSoundInOneLine) {
  EXPECT_THAT([] { decode_sound("", "x.wav"); }, ThrowsMessage<Error>("x.wav: is empty"));
  EXPECT_THAT([] { decode_sound("OggS and so on", "x.ogg"); },
              ThrowsMessage<Error>(HasSubstr("neither a WAV nor a FLAC")));
  EXPECT_THAT([&] { read_sound(folder_ / "none.wav"); }, ThrowsMessage<Error>(HasSubstr("no such file")));
}

TEST_F(SoundFileTest, RefusesSamplesThatAreNoNumbers) {
  const Sound sound{.rate_Hz = 8000, .channels = 1, .samples = {0, std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_THAT([&] { decode_sound(encode_wav(sound, WavFormat::float32), "x"); },
              ThrowsMessage<Error>(HasSubstr("not a number")));
}

// Writers into a pipe cannot know the size: the header says the largest, and what is there is the sound.
TEST_F(SoundFileTest, TakesTheSizeThatAPipeLeavesOpen) {
  const Sound sound = random_sound(16000, 1, 100);
  std::string file = encode_wav(sound);
  const size_t data = file.find("data");
  file.replace(4, 4, "\xff\xff\xff\xff");
  file.replace(data + 4, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(decode_sound(file, "x").samples, sound.samples);
}

TEST_F(SoundFileTest, LeavesNothingBehindWhereItCannotWrite) {
  write_file(folder_ / "file", "");
  EXPECT_THROW(write_wav(folder_ / "file" / "x.wav", random_sound(8000, 1, 10)), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(SoundFileTest, MonoIsTheMeanOfTheChannels) {
  const Sound sound{.rate_Hz = 8000, .channels = 2, .samples = {1.0F, 0.0F, -0.5F, -0.25F}};
  EXPECT_EQ(mono(sound), (std::vector<float>{0.5F, -0.375F}));
}

}  // namespace
}  // namespace deltahop
