// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/data_section.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

struct KnownSet {
  std::string_view name, folder;
  std::string_view called;   // its public name
  std::string_view pattern;  // of recordings; "": pictures
  std::array<DataFiles, 2> files;
};

const std::vector<KnownSet>& known_sets() {
  static const DataFiles kTrain{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"};
  static const DataFiles kTest{"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
  static const std::vector<KnownSet> kSets = {
      {"mnist",
       "mnist",
       "the MNIST database of handwritten digits (four gzipped IDX files)",
       "",
       {kTrain, kTest}},
      {"fashion_mnist", "fashion_mnist", "Fashion-MNIST (four gzipped IDX files)", "", {kTrain, kTest}},
      {"cifar10", "cifar10", "CIFAR-10 (binary version)", "", {}},
      {"spoken_digits", "fsdd/recordings", "the Free Spoken Digit Dataset", "{label}_{group}_{take}.wav", {}},
      {"speech_commands", "speech_commands", "Speech Commands v2", "{label}/{group}_nohash_{take}.wav", {}},
      {"files", "", "your own files", "", {}}};
  return kSets;
}

const KnownSet& set_named(const std::string& name) {
  for (const KnownSet& set : known_sets()) {
    if (set.name == name) return set;
  }
  return known_sets().back();
}

std::vector<DataFiles> read_files(const Config& config, std::string_view key) {
  std::vector<DataFiles> files;
  if (config.has(key) && !config.is_list(key)) return {{config.text(key), ""}};
  for (const Config& entry : config.list(key)) {
    if (entry.is_scalar()) {
      files.push_back({entry.scalar(), ""});
    } else {
      files.push_back({entry.text("inputs"), entry.text("labels", "")});
    }
  }
  return files;
}

// A whole number of at least `least`, or a fault.
int64_t read_count(const Config& config, std::string_view key, int64_t fallback, int64_t least,
                   int64_t most) {
  const int64_t value = config.integer(key, fallback);
  if (value >= least && value <= most) return value;
  config.fault(key, fmt::format("{} is out of range", value), fmt::format("{} to {}", least, most));
  return fallback;
}

double read_number(const Config& config, std::string_view key, double fallback, double least, double most) {
  const double value = config.number(key, fallback);
  if (value >= least && value <= most) return value;
  config.fault(key, fmt::format("{} is out of range", value), fmt::format("{} to {}", least, most));
  return fallback;
}

ArrayAugmentation read_augmentation(const Config& config) {
  ArrayAugmentation augment;
  augment.shift = read_count(config, "shift", 0, 0, 1024);
  augment.crop = read_count(config, "crop", 0, 0, 1024);
  augment.flip = config.boolean("flip", false);
  augment.noise = read_number(config, "noise", 0, 0, 1e6);
  return augment;
}

constexpr double kLoudest_dB = 200;

NoiseMix read_mix(const Config& config) {
  NoiseMix mix;
  mix.files = config.texts("noise");
  mix.share = read_number(config, "share", 1, 0, 1);
  if (config.has("growing")) {
    const Config growing = config.section("growing");
    GrowingRatios& range = mix.growing.emplace();
    range.from = read_number(growing, "from", range.from, -kLoudest_dB, kLoudest_dB);
    range.to = read_number(growing, "to", range.to, -kLoudest_dB, kLoudest_dB);
    range.step = read_number(growing, "step", range.step, 0.1, kLoudest_dB);
    range.patience = read_count(growing, "patience", range.patience, 1, 1000000);
    if (config.has("snr_dB"))
      config.fault("snr_dB", "stands beside 'growing', which makes the ratios", "take one of them");
  } else {
    mix.snr_dB = config.numbers("snr_dB");
    for (const double snr : mix.snr_dB) {
      if (!(snr >= -kLoudest_dB && snr <= kLoudest_dB))
        config.fault("snr_dB", fmt::format("{} dB is out of range", snr));
    }
  }
  return mix;
}

SoundData read_sound(const Config& config, const KnownSet& set) {
  SoundData sound;
  sound.pattern = config.text("pattern", set.pattern);
  sound.labels = config.text("labels", "");
  sound.normalize = config.boolean("normalize", true);
  sound.most_frames = read_count(config, "most_frames", 0, 0, 1 << 20);
  sound.feature_noise = read_number(config, "feature_noise", 0, 0, 1e6);
  if (config.has("test_takes")) sound.test_takes = config.integers("test_takes");
  sound.leave_one_group_out = config.boolean("leave_one_group_out", false);
  sound.test_list = config.text("test_list", "");
  const int ways = (sound.leave_one_group_out ? 1 : 0) + (sound.test_takes.empty() ? 0 : 1) +
                   (sound.test_list.empty() ? 0 : 1);
  if (ways != 1)
    config.fault({}, fmt::format("{} ways to find the test are given", ways),
                 "one of test_takes, leave_one_group_out and test_list");
  if (sound.pattern.empty()) config.fault("pattern", "how names are read is missing", "{label}_{any}.wav");
  sound.front_end = read_front_end(config.section("front_end"));
  if (sound.normalize && sound.front_end.normalize.kind != Normalization::none)
    config.fault("normalize", "the front end normalises its features already", "normalize: false");
  if (config.has("mix")) sound.mix = read_mix(config.section("mix"));
  return sound;
}

bool is_there(const fs::path& path) {
  std::error_code fault;
  return fs::exists(path, fault);
}

fs::path found_data(const DataSection& section, const fs::path& written, std::string_view called) {
  const fs::path beside = section.recipe_folder / written;  // `written` itself where it is absolute
  if (is_there(beside)) return beside;
  std::string tried = fmt::format("'{}'", beside.string());
  const char* const data = std::getenv("DELTAHOP_DATA");
  const bool has_data = data != nullptr && *data != '\0';
  if (!written.is_absolute() && has_data) {
    const fs::path below = fs::path(data) / written;
    if (is_there(below)) return below;
    tried += fmt::format(" and '{}' (DELTAHOP_DATA)", below.string());
  }
  throw Error(section.place, fmt::format("the data are not there: looked for {}", tried),
              fmt::format("get {}, and name the folder that holds '{}' in the variable DELTAHOP_DATA{}",
                          called, written.string(), has_data ? "" : ", which is not set"));
}

}  // namespace

std::vector<std::string> known_data_sets() {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) names.emplace_back(set.name);
  return names;
}

DataSection read_data_section(const Config& config) {
  DataSection section;
  section.place = config.place();
  section.set = config.choice("set", known_data_sets());
  const KnownSet& set = set_named(section.set);
  section.folder = config.text("folder", set.folder);
  section.classes = config.has("classes") ? config.texts("classes") : std::vector<std::string>{};
  section.validation_fraction =
      read_number(config, "validation_fraction", section.validation_fraction, 0, 0.9);
  constexpr int64_t kMostExamples = int64_t{1} << 40;
  section.train_limit = read_count(config, "train_limit", -1, -1, kMostExamples);
  section.test_limit = read_count(config, "test_limit", -1, -1, kMostExamples);
  section.augment = read_augmentation(config.section("augment"));
  if (config.has("sound") || !set.pattern.empty()) {
    section.sound = read_sound(config.section("sound"), set);
    if (section.augment.any())
      config.fault("augment", "is for pictures and arrays", "for sound: mix and feature_noise in 'sound'");
    return section;
  }
  section.train = read_files(config, "train");
  section.test = read_files(config, "test");
  if (section.train.empty() && !set.files[0].inputs.empty()) section.train = {set.files[0]};
  if (section.test.empty() && !set.files[1].inputs.empty()) section.test = {set.files[1]};
  if (section.set == "cifar10" && section.train.empty()) {
    for (int i = 1; i <= 5; ++i) section.train.push_back({fmt::format("data_batch_{}.bin", i), ""});
  }
  if (section.set == "cifar10" && section.test.empty()) section.test = {{"test_batch.bin", ""}};
  if (section.train.empty()) config.fault("train", "no files to train on are named");
  return section;
}

std::filesystem::path data_folder(const DataSection& section) {
  return found_data(section, section.folder, set_named(section.set).called);
}

std::filesystem::path data_file(const DataSection& section, const std::string& name) {
  const fs::path folder = data_folder(section), path = folder / name;
  if (is_there(path)) return path;
  throw Error(section.place, fmt::format("'{}' is not in '{}'", name, folder.string()),
              fmt::format("get {}", set_named(section.set).called));
}

std::filesystem::path other_data(const DataSection& section, const std::string& name) {
  return found_data(section, name, "it");
}

}  // namespace deltahop
