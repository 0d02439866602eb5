// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/sound_data.h"

#include <cmath>

#include <fmt/format.h>

#include "deltahop/io/sound.h"
#include "deltahop/train/dataset_testing.h"

namespace deltahop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr char kFrontEnd[] = "front_end: {rate: 8 kHz, like: 'log_mel(8, 32 ms, 16 ms)'}";

class Sounds : public DataFolder {
 protected:
  // A tone of so many hundredths of a second.
  void write_tone(const std::string& name, int hundredths, double frequency_Hz = 440) const {
    Sound sound{.rate_Hz = 8000, .channels = 1};
    for (int i = 0; i < 80 * hundredths; ++i)
      sound.samples.push_back(static_cast<float>(0.5 * std::sin(2 * M_PI * frequency_Hz * i / 8000)));
    write_wav(folder_ / "s" / name, sound);
  }
  // Two words by three speakers, two takes each, of different lengths.
  void write_words() const {
    int length = 20;
    for (const char* const speaker : {"ann", "bob", "cid"}) {
      for (const char* const word : {"no", "yes"}) {
        for (int take = 0; take < 2; ++take)
          write_tone(fmt::format("{}_{}_{}.wav", word, speaker, take), length++, word[0] == 'n' ? 300 : 900);
      }
    }
  }
  DataSection words(const std::string& rule, const std::string& more = "") const {
    return section(
        fmt::format("{{set: files, folder: s, validation_fraction: 0, sound: {{pattern: "
                    "'{{label}}_{{group}}_{{take}}.wav', {}, "
                    "{}}}{}}}",
                    kFrontEnd, rule, more));
  }
};

TEST_F(Sounds, OneSpeakerIsLeftOutInEachFold) {
  write_words();
  const DataSection data = words("leave_one_group_out: true");
  EXPECT_THAT(fold_names(data), ElementsAre("ann", "bob", "cid"));
  const RecordingList list = list_recordings(data);
  std::vector<int> tested(list.files.size());
  for (int64_t fold = 0; fold < 3; ++fold) {
    const RecordingSplit split = split_recordings(data, list, fold);
    EXPECT_EQ(split.train.size(), 8);
    for (const int64_t i : split.test) {
      ++tested[static_cast<size_t>(i)];
      EXPECT_EQ(list.files[static_cast<size_t>(i)].fields.group, fold_names(data)[static_cast<size_t>(fold)]);
    }
  }
  EXPECT_THAT(tested, testing::Each(1));
  EXPECT_THAT([&] { split_recordings(data, list, 3); },
              ThrowsMessage<Error>(HasSubstr("there is no fold 3")));
}

TEST_F(Sounds, TakesOrAListTellTheTest) {
  write_words();
  write_file(folder_ / "s/list.txt", "no_ann_0.wav\r\nyes_bob_1.wav\n");
  const DataSection takes = words("test_takes: [1]"), listed = words("test_list: list.txt");
  const RecordingList list = list_recordings(takes);
  EXPECT_THAT(split_recordings(takes, list, 0).test, ElementsAre(1, 3, 5, 7, 9, 11));
  EXPECT_THAT(split_recordings(listed, list, 0).test, ElementsAre(0, 9));
}

TEST_F(Sounds, FeaturesAreThoseOfTheFrontEndWithTheTrainingsNormalisation) {
  write_words();
  const Dataset data = load_dataset(words("test_takes: [1]"), {});
  EXPECT_THAT(data.class_names, ElementsAre("no", "yes"));
  // Second implementation: whoever opens the exported network's front end gets the same numbers.
  const DataSection again = words("test_takes: [1]");
  const RecordingList list = list_recordings(again);
  const Config text = Config::from_text(to_text(data.front_end), "front_end");
  const FrontEndOptions front_end = read_front_end(text);
  text.finish();
  const Tensor features = features_of(front_end, mono(read_sound(folder_ / "s/no_ann_1.wav")));
  const int64_t frames = data.test.lengths[0].item<int64_t>();
  EXPECT_EQ(frames, features.dim(0));
  EXPECT_EQ(floats(data.test.inputs[0].narrow(0, 0, frames)),
            std::vector<float>(features.values<float>().begin(), features.values<float>().end()));
  // The training frames have mean 0 and deviation 1; what is behind a sequence's end is zero.
  double sum = 0, squares = 0, count = 0, behind = 0;
  for (int64_t i = 0; i < data.train.size(); ++i) {
    const int64_t length = data.train.lengths[i].item<int64_t>();
    const torch::Tensor real = data.train.inputs[i].narrow(0, 0, length).select(1, 3).to(torch::kDouble);
    sum += real.sum().item<double>();
    squares += (real * real).sum().item<double>();
    count += static_cast<double>(length);
    behind +=
        data.train.inputs[i].narrow(0, length, data.train.inputs.size(1) - length).abs().sum().item<double>();
  }
  EXPECT_NEAR(sum / count, 0, 1e-5);
  EXPECT_NEAR(squares / count, 1, 1e-4);
  EXPECT_EQ(behind, 0);
}

TEST_F(Sounds, OtherWordsAreUnknownWhereThatIsAClassAndElseLeftOut) {
  write_words();
  const RecordingList known = list_recordings(words("test_takes: [1]", ", classes: [yes, unknown]"));
  EXPECT_EQ(known.files.size(), 12);
  EXPECT_EQ(known.files[0].label, 1);
  const RecordingList some = list_recordings(words("test_takes: [1]", ", classes: [yes]"));
  EXPECT_EQ(some.files.size(), 6);
  EXPECT_EQ(some.left_out, 6);
}

TEST_F(Sounds, LabelsMayComeFromATable) {
  write_tone("x1.wav", 20);
  write_tone("x2.wav", 20);
  write_file(folder_ / "s/labels.csv", "file,label\nx1.wav,go\nx2.wav,stop\n");
  const RecordingList list = list_recordings(section(fmt::format(
      "{{set: files, folder: s, sound: {{pattern: '{{any}}.wav', labels: labels.csv, test_list: l, {}}}}}",
      kFrontEnd)));
  EXPECT_THAT(list.classes, ElementsAre("go", "stop"));
  EXPECT_EQ(list.files[1].label, 1);
}

TEST_F(Sounds, ResampledAndCutToTheMostFrames) {
  write_tone("no_ann_0.wav", 100);
  const DataSection data = section(
      "{set: files, folder: s, sound: {pattern: '{label}_{group}_{take}.wav', test_takes: [0], most_frames: "
      "10, "
      "front_end: {rate: 16 kHz, like: 'log_mel(8, 32 ms, 16 ms)'}}}");
  const std::vector<float> samples = load_recording(folder_ / "s/no_ann_0.wav", *data.sound);
  EXPECT_EQ(samples.size(), 512 + 9 * 256);
  EXPECT_EQ(features_of(data.sound->front_end, samples).dim(0), 10);
}

TEST_F(Sounds, FoldersWithoutFittingNamesAreTold) {
  EXPECT_THAT([&] { list_recordings(words("test_takes: [1]")); },
              ThrowsMessage<Error>(HasSubstr("not there")));
  write_tone("hello.wav", 20);
  EXPECT_THAT([&] { list_recordings(words("test_takes: [1]")); },
              ThrowsMessage<Error>(HasSubstr("the first is 'hello.wav'")));
}

TEST_F(Sounds, BadTakesShortAndDamagedFilesAreTold) {
  write_words();
  write_tone("no_ann_x.wav", 20);
  EXPECT_THAT([&] { load_dataset(words("test_takes: [1]"), {}); },
              ThrowsMessage<Error>(HasSubstr("take 'x' is no whole number")));
  std::filesystem::remove(folder_ / "s/no_ann_x.wav");
  write_tone("no_ann_9.wav", 1);
  EXPECT_THAT([&] { load_dataset(words("test_takes: [1]"), {}); },
              ThrowsMessage<Error>(HasSubstr("shorter than one frame")));
  write_file(folder_ / "s/no_ann_9.wav", "RIFF");
  EXPECT_THAT([&] { load_dataset(words("test_takes: [1]"), {}); },
              ThrowsMessage<Error>(HasSubstr("no_ann_9.wav")));
}

TEST(RealSounds, SpokenDigitsHaveFiveSpeakersAndFiveTestTakes) {
  if (std::getenv("DELTAHOP_DATA") == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  const Config config = Config::from_text(
      "{set: spoken_digits, sound: {test_takes: [0, 1, 2, 3, 4], front_end: {rate: 8 kHz, like: 'log_mel(20, "
      "25 ms, 10 ms)'}}}",
      "r.yaml");
  const DataSection data = read_data_section(config);
  config.finish();
  const RecordingList list = list_recordings(data);
  EXPECT_EQ(list.files.size(), 2500);
  EXPECT_EQ(list.classes.size(), 10);
  EXPECT_THAT(groups_of(list), ElementsAre("george", "jackson", "lucas", "nicolas", "yweweler"));
  EXPECT_EQ(split_recordings(data, list, 0).test.size(), 250);
}

}  // namespace
}  // namespace deltahop
