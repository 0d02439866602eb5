// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/sound_data.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "deltahop/base/files.h"
#include "deltahop/base/parallel.h"
#include "deltahop/io/csv.h"
#include "deltahop/io/sound.h"
#include "deltahop/signal/resample.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

bool has_sound_suffix(const fs::path& path) {
  const std::string suffix = path.extension().string();
  return suffix == ".wav" || suffix == ".WAV" || suffix == ".flac";
}

std::vector<std::string> sound_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code fault;
  fs::recursive_directory_iterator entry(folder, fault);
  for (const fs::recursive_directory_iterator end; !fault && entry != end; entry.increment(fault)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && has_sound_suffix(entry->path()))
      names.push_back(fs::relative(entry->path(), folder, ignored).generic_string());
  }
  if (fault) throw Error(folder.string(), fmt::format("cannot be read: {}", fault.message()));
  std::sort(names.begin(), names.end());
  return names;
}

// Words by file name, from a table with the columns file and label (or word, or class_name).
std::map<std::string, std::string> label_words(const DataSection& section) {
  std::map<std::string, std::string> words;
  if (section.sound->labels.empty()) return words;
  const fs::path path = data_file(section, section.sound->labels);
  const Table table = parse_table(read_file(path), path.string());
  const auto file = table.column({"file", "name"});
  const auto word = table.column({"class_name", "word", "label", "class"});
  if (!file || !word)
    throw Error(path.string(), "has no columns 'file' and 'label' (or 'class_name', 'word')");
  for (const Table::Row& row : table.rows)
    words[fs::path(table.text(row, *file)).filename().string()] = table.text(row, *word);
  return words;
}

// Gives every file the place of its word among the classes, which are all words in order where none are
// named.
void apply_classes(const DataSection& section, RecordingList& list) {
  list.classes = section.classes;
  if (list.classes.empty()) {
    std::set<std::string> words;
    for (const RecordingFile& file : list.files) words.insert(file.fields.label);
    list.classes.assign(words.begin(), words.end());
  }
  const auto place_of = [&](const std::string& word) {
    const auto found = std::find(list.classes.begin(), list.classes.end(), word);
    return static_cast<size_t>(found - list.classes.begin());
  };
  const size_t unknown = place_of("unknown");
  std::vector<RecordingFile> kept;
  for (RecordingFile& file : list.files) {
    size_t place = place_of(file.fields.label);
    if (place == list.classes.size()) place = unknown;
    if (place == list.classes.size()) {
      ++list.left_out;
      continue;
    }
    file.label = static_cast<int64_t>(place);
    kept.push_back(std::move(file));
  }
  list.files = std::move(kept);
}

int64_t take_of(const RecordingFile& file) {
  const std::string& text = file.fields.take;
  int64_t take = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), take);
  if (fault != std::errc{} || end != text.data() + text.size())
    throw Error(file.name, fmt::format("its take '{}' is no whole number", text),
                "the test is found by takes");
  return take;
}

std::set<std::string> names_in(const fs::path& path) {
  std::set<std::string> names;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.insert(line);
  }
  return names;
}

}  // namespace

RecordingList list_recordings(const DataSection& section) {
  DELTAHOP_CHECK(section.sound.has_value());
  RecordingList list;
  list.folder = data_folder(section);
  const NamePattern pattern(section.sound->pattern, section.place);
  const auto words = label_words(section);
  const std::vector<std::string> names = sound_names(list.folder);
  std::string stranger;
  for (const std::string& name : names) {
    auto fields = pattern.match(name);
    if (fields && !words.empty()) {
      const auto word = words.find(fs::path(name).filename().string());
      if (word == words.end()) throw Error(name, fmt::format("has no label in '{}'", section.sound->labels));
      fields->label = word->second;
    }
    if (fields) {
      list.files.push_back({name, *fields, 0});
    } else if (stranger.empty()) {
      stranger = name;
    }
  }
  if (list.files.empty()) {
    throw Error(list.folder.string(), stranger.empty()
                                          ? "holds no WAV or FLAC files"
                                          : fmt::format("no name fits the pattern '{}': the first is '{}'",
                                                        section.sound->pattern, stranger));
  }
  if (words.empty() && list.files[0].fields.label.empty())
    throw Error(section.place, "the pattern has no {label}", "or name a table of labels: labels: ...");
  apply_classes(section, list);
  return list;
}

std::vector<std::string> groups_of(const RecordingList& list) {
  std::set<std::string> groups;
  for (const RecordingFile& file : list.files) groups.insert(file.fields.group);
  return {groups.begin(), groups.end()};
}

RecordingSplit split_recordings(const DataSection& section, const RecordingList& list, int64_t fold) {
  const SoundData& sound = *section.sound;
  std::set<std::string> listed;
  if (!sound.test_list.empty()) listed = names_in(data_file(section, sound.test_list));
  std::string group;
  if (sound.leave_one_group_out) {
    const std::vector<std::string> groups = groups_of(list);
    if (groups.size() < 2)
      throw Error(section.place, fmt::format("one group cannot be left out of {}", groups.size()),
                  "does the pattern have a {group}?");
    if (fold < 0 || fold >= static_cast<int64_t>(groups.size()))
      throw Error(section.place, fmt::format("there is no fold {}; there are {}", fold, groups.size()));
    group = groups[static_cast<size_t>(fold)];
  }
  RecordingSplit split;
  for (size_t i = 0; i < list.files.size(); ++i) {
    const RecordingFile& file = list.files[i];
    bool is_test = false;
    if (sound.leave_one_group_out) {
      is_test = file.fields.group == group;
    } else if (!sound.test_list.empty()) {
      is_test = listed.count(file.name) != 0;
    } else {
      is_test = std::find(sound.test_takes.begin(), sound.test_takes.end(), take_of(file)) !=
                sound.test_takes.end();
    }
    (is_test ? split.test : split.train).push_back(static_cast<int64_t>(i));
  }
  if (split.train.empty() || split.test.empty()) {
    throw Error(section.place, fmt::format("{} recordings are for training and {} for the test",
                                           split.train.size(), split.test.size()));
  }
  return split;
}

std::vector<float> load_recording(const fs::path& path, const SoundData& sound) {
  const Sound stored = read_sound(path);
  std::vector<float> samples = mono(stored);
  const FrontEndOptions& front_end = sound.front_end;
  if (stored.rate_Hz != front_end.rate_Hz) samples = resampled(samples, stored.rate_Hz, front_end.rate_Hz);
  if (sound.most_frames > 0) {
    const auto most = static_cast<size_t>(samples_of_frames(front_end.frame, sound.most_frames));
    if (samples.size() > most) samples.resize(most);
  }
  return samples;
}

std::vector<std::vector<float>> load_recordings(const std::vector<fs::path>& paths, const SoundData& sound,
                                                int threads) {
  std::vector<std::vector<float>> recordings(paths.size());
  parallel_for(threads, static_cast<int64_t>(paths.size()), [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      recordings[i] = load_recording(paths[i], sound);
  });
  return recordings;
}

Examples features_of_recordings(const FrontEndOptions& front_end,
                                const std::vector<std::vector<float>>& recordings,
                                const std::vector<int64_t>& labels, int threads) {
  const auto count = static_cast<int64_t>(recordings.size());
  std::vector<Tensor> all(recordings.size());
  parallel_for(threads, count, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      all[i] = features_of(front_end, recordings[i]);
  });
  std::vector<int64_t> lengths;
  int64_t longest = 0;
  for (const Tensor& features : all) {
    if (features.dim(0) == 0) throw Error("sound", "a recording is shorter than one frame");
    lengths.push_back(features.dim(0));
    longest = std::max(longest, features.dim(0));
  }
  Examples examples;
  const int64_t width = all.empty() ? 0 : all[0].dim(1);
  examples.inputs = torch::zeros({count, longest, width});
  float* const out = examples.inputs.data_ptr<float>();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto values = all[i].values<float>();
    std::copy(values.begin(), values.end(), out + static_cast<int64_t>(i) * longest * width);
  }
  examples.labels = torch::tensor(labels, torch::TensorOptions(torch::kLong));
  examples.lengths = torch::tensor(lengths, torch::TensorOptions(torch::kLong));
  return examples;
}

NormalizeOptions normalization_of(const Examples& examples) {
  const int64_t frames = examples.inputs.size(1), width = examples.inputs.size(2);
  std::vector<double> sums(static_cast<size_t>(width)), squares(static_cast<size_t>(width));
  const float* const values = examples.inputs.data_ptr<float>();
  const int64_t* const lengths = examples.lengths.data_ptr<int64_t>();
  // Two passes: the squares of what is far from zero would lose the deviation.
  int64_t count = 0;
  const auto each = [&](auto&& add) {
    for (int64_t i = 0; i < examples.size(); ++i) {
      for (int64_t t = 0; t < lengths[i]; ++t) {
        for (int64_t f = 0; f < width; ++f)
          add(static_cast<size_t>(f), static_cast<double>(values[(i * frames + t) * width + f]));
      }
    }
  };
  for (int64_t i = 0; i < examples.size(); ++i) count += lengths[i];
  each([&](size_t f, double value) { sums[f] += value; });
  for (double& sum : sums) sum /= static_cast<double>(count);
  each([&](size_t f, double value) { squares[f] += (value - sums[f]) * (value - sums[f]); });
  NormalizeOptions options;
  options.kind = Normalization::fixed;
  options.means = sums;
  for (const double square : squares)
    options.deviations.push_back(std::sqrt(square / static_cast<double>(count)));
  return options;
}

}  // namespace deltahop
