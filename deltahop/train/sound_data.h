// SPDX-License-Identifier: Apache-2.0
// A folder of labelled recordings as examples: label, speaker and take from the names, features by the front
// end, the test by takes, by speakers or by a list.
#pragma once

#include "deltahop/train/dataset.h"
#include "deltahop/train/name_pattern.h"

namespace deltahop {

struct RecordingFile {
  std::string name;  // below the folder, with '/'
  NameFields fields;
  int64_t label = 0;  // place of the label's word among the classes
};

struct RecordingList {
  std::filesystem::path folder;
  std::vector<RecordingFile> files;  // by name
  std::vector<std::string> classes;
  int64_t left_out = 0;  // whose word is no class, where the classes are named and none is "unknown"
};

// WAV and FLAC files in the folder and the folders in it. Throws Error where there are none, or names do not
// fit the pattern.
RecordingList list_recordings(const DataSection& section);
// The groups in alphabetical order.
std::vector<std::string> groups_of(const RecordingList& list);

// Where each recording goes: fills the indices of training and test.
struct RecordingSplit {
  std::vector<int64_t> train, test;
};
RecordingSplit split_recordings(const DataSection& section, const RecordingList& list, int64_t fold);

// Mono, at the front end's rate, at most most_frames long.
std::vector<float> load_recording(const std::filesystem::path& path, const SoundData& sound);

// The same for all, with threads.
std::vector<std::vector<float>> load_recordings(const std::vector<std::filesystem::path>& paths,
                                                const SoundData& sound, int threads);

// Features of recordings one by one, padded to the longest: [n, frames, features] and lengths. Throws Error
// where a recording is shorter than a frame.
Examples features_of_recordings(const FrontEndOptions& front_end,
                                const std::vector<std::vector<float>>& recordings,
                                const std::vector<int64_t>& labels, int threads);

// Means and deviations of every feature over the true frames, as a fixed normalisation.
NormalizeOptions normalization_of(const Examples& examples);

}  // namespace deltahop
