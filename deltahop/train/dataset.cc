// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/dataset.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "deltahop/base/random.h"
#include "deltahop/io/sound.h"
#include "deltahop/train/array_data.h"
#include "deltahop/train/sound_data.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

// Salts, so that one seed shuffles different things differently.
constexpr uint64_t kValidationSalt = 0x76616c6964617465, kExamplesSalt = 0x6578616d706c6573;

std::vector<int64_t> sorted(std::vector<int64_t> indices) {
  std::sort(indices.begin(), indices.end());
  return indices;
}

template <class T>
std::vector<T> picked(const std::vector<T>& values, const std::vector<int64_t>& indices) {
  std::vector<T> kept;
  for (const int64_t index : indices) kept.push_back(values[static_cast<size_t>(index)]);
  return kept;
}

// A seeded choice of `most`, in their order; all where most is negative.
std::vector<int64_t> limited(const std::vector<int64_t>& indices, int64_t most, uint64_t seed) {
  if (most < 0 || most >= static_cast<int64_t>(indices.size())) return indices;
  std::vector<int64_t> places = shuffled_indices(static_cast<int64_t>(indices.size()), seed ^ kExamplesSalt);
  places.resize(static_cast<size_t>(most));
  return picked(indices, sorted(std::move(places)));
}

// Indices of the examples that train and of those held out, a share of n, then limited.
struct HoldOut {
  std::vector<int64_t> train, validation;
};

HoldOut hold_out(const DataSection& section, int64_t n, uint64_t seed) {
  std::vector<int64_t> order = shuffled_indices(n, seed ^ kValidationSalt);
  const auto held = static_cast<int64_t>(section.validation_fraction * static_cast<double>(n));
  HoldOut split;
  split.validation = sorted({order.begin(), order.begin() + held});
  split.train = sorted({order.begin() + held, order.end()});
  split.train = limited(split.train, section.train_limit, seed);
  split.validation = limited(split.validation, section.test_limit, seed);
  return split;
}

void name_classes(Dataset& data) {
  data.class_names = data.section.classes;
  if (!data.class_names.empty()) return;
  const int64_t classes = data.train.labels.max().item<int64_t>() + 1;
  for (int64_t i = 0; i < classes; ++i) data.class_names.push_back(std::to_string(i));
}

Dataset load_array_set(const DataSection& section, const DataRequest& request) {
  Dataset data;
  data.section = section;
  const Examples all = load_arrays(section, DataRole::train, request, data.provenance);
  const HoldOut split = hold_out(section, all.size(), request.seed);
  const bool whole = static_cast<int64_t>(split.train.size()) == all.size();
  data.train = whole ? all : subset(all, split.train);
  data.validation = subset(all, split.validation);
  data.provenance += "; test:";
  data.test = load_arrays(section, DataRole::test, request, data.provenance);
  if (section.test_limit >= 0 && section.test_limit < data.test.size()) {
    std::vector<int64_t> all_tests(static_cast<size_t>(data.test.size()));
    std::iota(all_tests.begin(), all_tests.end(), 0);
    data.test = subset(data.test, limited(all_tests, section.test_limit, request.seed));
  }
  const int64_t channels = data.train.inputs.dim() == 4 ? data.train.inputs.size(1) : 1;
  data.black = black_of(request.preprocessing, channels);
  name_classes(data);
  return data;
}

// What of a list of recordings becomes one set of examples.
struct SoundSet {
  std::vector<fs::path> paths;
  std::vector<int64_t> labels;
};

SoundSet sound_set(const RecordingList& list, const std::vector<int64_t>& indices) {
  SoundSet set;
  for (const int64_t index : indices) {
    const RecordingFile& file = list.files[static_cast<size_t>(index)];
    set.paths.push_back(list.folder / file.name);
    set.labels.push_back(file.label);
  }
  return set;
}

std::vector<std::vector<float>> load_noise(const DataSection& section) {
  std::vector<fs::path> paths;
  for (const std::string& name : section.sound->mix->files) {
    const fs::path path = other_data(section, name);
    if (!fs::is_directory(path)) {
      paths.push_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file() && entry.path().extension() == ".wav") inside.push_back(entry.path());
    }
    std::sort(inside.begin(), inside.end());
    paths.insert(paths.end(), inside.begin(), inside.end());
  }
  if (paths.empty()) throw Error(section.place, "there are no recordings of noise to mix in");
  SoundData whole = *section.sound;
  whole.most_frames = 0;
  return load_recordings(paths, whole, 1);
}

Dataset load_sound_set(const DataSection& section, const DataRequest& request) {
  Dataset data;
  data.section = section;
  const SoundData& sound = *section.sound;
  const RecordingList list = list_recordings(section);
  const RecordingSplit split = split_recordings(section, list, request.fold);
  const HoldOut held = hold_out(section, static_cast<int64_t>(split.train.size()), request.seed);
  const SoundSet train = sound_set(list, picked(split.train, held.train)),
                 validation = sound_set(list, picked(split.train, held.validation)),
                 test = sound_set(list, limited(split.test, section.test_limit, request.seed));
  data.class_names = list.classes;
  data.front_end = sound.front_end;
  auto recordings = std::make_shared<Recordings>();
  recordings->train = load_recordings(train.paths, sound, request.threads);
  recordings->validation = load_recordings(validation.paths, sound, request.threads);
  if (sound.normalize) {
    data.front_end.normalize = normalization_of(
        features_of_recordings(sound.front_end, recordings->train, train.labels, request.threads));
  }
  data.train = features_of_recordings(data.front_end, recordings->train, train.labels, request.threads);
  data.validation =
      features_of_recordings(data.front_end, recordings->validation, validation.labels, request.threads);
  data.test = features_of_recordings(data.front_end, load_recordings(test.paths, sound, request.threads),
                                     test.labels, request.threads);
  data.provenance = fmt::format("{}: {} recordings for training, {} held out, {} for the test",
                                list.folder.filename().string(), data.train.size(), data.validation.size(),
                                data.test.size());
  if (sound.leave_one_group_out)
    data.provenance += fmt::format(" ({})", fold_names(section)[static_cast<size_t>(request.fold)]);
  if (list.left_out > 0) data.provenance += fmt::format("; {} of other words left out", list.left_out);
  if (sound.mix) {
    recordings->noise = load_noise(section);
    data.recordings = std::move(recordings);
  }
  return data;
}

}  // namespace

Dataset load_dataset(const DataSection& section, const DataRequest& request) {
  Dataset data = section.sound ? load_sound_set(section, request) : load_array_set(section, request);
  if (data.train.size() == 0) throw Error(section.place, "nothing is left to train on");
  return data;
}

std::vector<std::string> fold_names(const DataSection& section) {
  if (!section.sound || !section.sound->leave_one_group_out) return {""};
  return groups_of(list_recordings(section));
}

Examples subset(const Examples& examples, const std::vector<int64_t>& indices) {
  if (indices.empty()) return {};
  const torch::Tensor rows = torch::tensor(indices, torch::TensorOptions(torch::kLong));
  Examples some{examples.inputs.index_select(0, rows), examples.labels.index_select(0, rows), {}};
  if (examples.lengths.defined()) some.lengths = examples.lengths.index_select(0, rows);
  return some;
}

std::vector<int64_t> shuffled_indices(int64_t n, uint64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random(seed);
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.integer(0, i))]);
  return order;
}

}  // namespace deltahop
