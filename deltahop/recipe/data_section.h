// SPDX-License-Identifier: Apache-2.0
// The section `data` of a recipe: which examples, how they are split, and what happens to them in each epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {

struct DataFiles {
  std::string inputs;  // a file or folder that open_samples takes, in DataSection::folder
  std::string labels;  // beside it; "": the inputs carry their labels
};

// Of pictures and other arrays, drawn anew for every example and epoch.
struct ArrayAugmentation {
  int64_t shift = 0;  // pixels, each way; what comes in is black
  int64_t crop = 0;   // padded by so many pixels of the mean colour (0 after the preprocessing), cut back
  bool flip = false;  // left to right, half of them
  double noise = 0;   // standard deviation of what is added to every value
  bool any() const { return shift > 0 || crop > 0 || flip || noise > 0; }
};

// The range of ratios grows by stages: first `from` alone, then a step more each time that the validation has
// not got better for `patience` epochs, up to `to`.
struct GrowingRatios {
  double from = 0, step = 5, to = 50;  // dB
  int64_t patience = 5;                // epochs
};

// Noise mixed into sound before its features are taken, anew in every epoch [Braun2017].
struct NoiseMix {
  std::vector<std::string> files;        // sounds, or folders of them
  std::vector<double> snr_dB;            // one is drawn for every recording
  double share = 1;                      // of the recordings; the others stay clean
  std::optional<GrowingRatios> growing;  // in place of snr_dB
};

struct SoundData {
  // How a name below the folder is read: {label}, {group} (the speaker), {take} and {any} stand for text, for
  // example "{label}_{group}_{take}.wav" or "{label}/{group}_nohash_{take}.wav".
  std::string pattern;
  std::string labels;  // a table of labels for those the name does not say
  FrontEndOptions front_end;
  bool normalize = true;  // each feature to mean 0 and deviation 1 over the training frames
  // One of three ways to find the test: these takes; group k in fold k; a text file with a name a line.
  std::vector<int64_t> test_takes;
  bool leave_one_group_out = false;
  std::string test_list;
  int64_t most_frames = 0;  // longer recordings are cut; 0: none is
  std::optional<NoiseMix> mix;
  double feature_noise = 0;  // standard deviation of what is added to the normalised features in training
};

struct DataSection {
  std::string place;  // file:line:column of the section, for faults found later
  std::filesystem::path recipe_folder;
  std::string set;     // of known_data_sets()
  std::string folder;  // as written; relative ones are looked for beside the recipe, then in DELTAHOP_DATA
  std::vector<DataFiles> train, test;  // pictures and arrays
  std::vector<std::string> classes;    // names in the order of the outputs; empty: as the data say
  double validation_fraction = 0.1;    // of the training examples, drawn by the seed; 0: none is held out
  int64_t train_limit = -1, test_limit = -1;  // at most so many examples, drawn by the seed; -1: all
  ArrayAugmentation augment;
  std::optional<SoundData> sound;  // where the examples are recordings
};

std::vector<std::string> known_data_sets();

// Faults are noted in `config`: the caller asks config.finish().
DataSection read_data_section(const Config& config);

// Where the section's folder is: beside the recipe, else in DELTAHOP_DATA. Throws Error in one line with the
// places looked at and the public name of the data set.
std::filesystem::path data_folder(const DataSection& section);
// A file or folder in it.
std::filesystem::path data_file(const DataSection& section, const std::string& name);
// One that need not lie in it (noise), looked for in the same two places.
std::filesystem::path other_data(const DataSection& section, const std::string& name);

}  // namespace deltahop
