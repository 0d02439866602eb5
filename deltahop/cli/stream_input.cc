// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/stream_input.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/io/frames.h"
#include "deltahop/io/graph_def.h"
#include "deltahop/io/labels.h"
#include "deltahop/io/npz.h"
#include "deltahop/io/sound.h"
#include "deltahop/signal/front_end.h"
#include "deltahop/signal/resample.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUsualRate_Hz = 16000;
const std::vector<std::string> kExtensions = {".wav", ".flac", ".npz", ".npy", ".csv", ".f32"};

std::string extension_of(const fs::path& path) {
  std::string text = path.extension().string();
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// In a folder; beside sounds lie labels as CSV.
bool is_sequence(const fs::directory_entry& entry) {
  const std::string extension = extension_of(entry.path());
  return extension != ".csv" &&
         std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<fs::path> files_of(const StreamInputOptions& options) {
  std::vector<fs::path> files;
  for (const std::string& input : options.inputs) {
    const fs::path path(input);
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (is_sequence(entry)) inside.push_back(entry.path());
    }
    std::sort(inside.begin(), inside.end());
    if (inside.empty()) throw Error(input, "holds no sequences", "expected WAV, FLAC, NPY, NPZ or F32 files");
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

bool is_sound(const fs::path& path) {
  const std::string extension = extension_of(path);
  return extension == ".wav" || extension == ".flac";
}

std::vector<float> floats_of(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float32);
  return {wide.values<float>().begin(), wide.values<float>().end()};
}

class Loader {
 public:
  Loader(const StreamInputOptions& options, const Network& network, const Session& session)
      : options_(options), session_(session) {
    for (size_t i = 0; i < session.inputs().size(); ++i) {
      if (!session.inputs()[i].is_loop) data_inputs_.push_back(i);
    }
    const auto carried = network.metadata().find(std::string(kFrontEndKey));
    if (options.front_end.ends_with(".yaml") || options.front_end.ends_with(".yml"))
      front_end_ = front_end_in(Config::from_file(options.front_end));
    else if (!options.front_end.empty())
      front_end_ = parse_front_end(options.front_end, rate());
    else if (carried != network.metadata().end())
      front_end_ = carried_front_end(carried->second);
  }

  void load(const fs::path& path, std::vector<StreamSequence>& all) const {
    const std::string extension = extension_of(path);
    StreamSequence sequence;
    sequence.name = path.filename().string();
    sequence.values.resize(session_.inputs().size());
    if (extension == ".npz") {
      load_named(path, sequence);
    } else if (extension == ".npy") {
      if (load_stack(path, all)) return;
      only_input(path, sequence) = floats_of(read_npy(path));
    } else if (extension == ".csv") {
      only_input(path, sequence) = parse_csv_frames(read_file(path), path.string());
    } else if (extension == ".f32") {
      only_input(path, sequence) = parse_raw_frames(read_file(path), path.string());
    } else if (is_sound(path)) {
      only_input(path, sequence) = features(path);
    } else {
      throw Error(path.string(), "is of a kind that is not known here",
                  "WAV and FLAC sounds, NPZ, NPY, CSV, or raw 32-bit floats (.f32)");
    }
    finish(path, std::move(sequence), all);
  }

  // A front end that no sound passes would do nothing.
  void require_used(const std::vector<fs::path>& files) const {
    const bool any_sound = std::any_of(files.begin(), files.end(), is_sound);
    if (!options_.front_end.empty() && !any_sound)
      throw Error("--front-end", "does nothing: no input is a sound", "leave it out");
    if (options_.rate_Hz > 0 && (!any_sound || has_own_rate_))
      throw Error(
          "--rate",
          any_sound ? "does nothing: the front end has its own rate" : "does nothing: no input is a sound",
          "leave it out");
  }

  std::string front_end_text() const { return front_end_ ? to_text(*front_end_) : ""; }

 private:
  int64_t rate() const { return options_.rate_Hz > 0 ? options_.rate_Hz : kUsualRate_Hz; }

  // One line as for --front-end, or YAML with every detail.
  FrontEndOptions carried_front_end(const std::string& text) {
    if (text.find('\n') == std::string::npos) return parse_front_end(text, rate());
    return front_end_in(Config::from_text(text, "the network's metadata 'front_end'"));
  }

  FrontEndOptions front_end_in(const Config& config) {
    has_own_rate_ = true;
    FrontEndOptions options = read_front_end(config);
    config.finish();
    return options;
  }

  std::vector<float>& only_input(const fs::path& path, StreamSequence& sequence) const {
    if (data_inputs_.size() != 1) {
      throw Error(path.string(),
                  fmt::format("holds one array, the network has {} inputs", data_inputs_.size()),
                  "give an NPZ whose arrays bear their names, or name state loops by --state-loop");
    }
    return sequence.values[data_inputs_[0]];
  }

  void load_named(const fs::path& path, StreamSequence& sequence) const {
    const auto arrays = read_npz(path);
    std::vector<std::string> names;
    for (const SessionPort& port : session_.inputs()) names.push_back(port.name);
    if (arrays.size() == 1 && data_inputs_.size() == 1 &&
        std::find(names.begin(), names.end(), arrays.begin()->first) == names.end()) {
      sequence.values[data_inputs_[0]] = floats_of(arrays.begin()->second);
      return;
    }
    for (const auto& [name, tensor] : arrays) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end())
        throw Error(path.string(), fmt::format("its array '{}' is no input of the network", name),
                    suggest(name, names));
      sequence.values[static_cast<size_t>(found - names.begin())] = floats_of(tensor);
    }
  }

  // An array [N, T, ...] of N sequences; false where it is one sequence.
  bool load_stack(const fs::path& path, std::vector<StreamSequence>& all) const {
    if (data_inputs_.size() != 1) return false;
    const Tensor tensor = read_npy(path);
    const int64_t size = session_.inputs()[data_inputs_[0]].size;
    if (tensor.rank() < 3 || tensor.size() == 0) return false;
    const int64_t count = tensor.dim(0), length = tensor.dim(1);
    if (tensor.size() / count == size || tensor.size() / count / length != size) return false;
    const std::vector<float> values = floats_of(tensor);
    for (int64_t i = 0; i < count; ++i) {
      StreamSequence sequence;
      sequence.name = fmt::format("{}[{}]", path.filename().string(), i);
      sequence.values.resize(session_.inputs().size());
      const auto begin = values.begin() + i * length * size;
      sequence.values[data_inputs_[0]].assign(begin, begin + length * size);
      finish(path, std::move(sequence), all);
    }
    return true;
  }

  std::vector<float> features(const fs::path& path) const {
    if (!front_end_) {
      throw Error(path.string(), "how its samples become frames is not declared",
                  "give for example --front-end 'log_mel(40, 25 ms, 10 ms)'");
    }
    const Sound sound = read_sound(path);
    std::vector<float> samples = mono(sound);
    if (sound.rate_Hz != front_end_->rate_Hz)
      samples = resampled(samples, sound.rate_Hz, front_end_->rate_Hz);
    if (options_.steps > 0) {  // as data.sound.most_frames of a training
      const auto most = static_cast<size_t>(samples_of_frames(front_end_->frame, options_.steps));
      if (samples.size() > most) samples.resize(most);
    }
    return floats_of(features_of(*front_end_, samples));
  }

  // Counts the steps and checks that all inputs agree on them.
  void finish(const fs::path& path, StreamSequence sequence, std::vector<StreamSequence>& all) const {
    sequence.steps = -1;
    for (size_t i = 0; i < sequence.values.size(); ++i) {
      const SessionPort& port = session_.inputs()[i];
      std::vector<float>& values = sequence.values[i];
      if (values.empty()) continue;
      const auto count = static_cast<int64_t>(values.size());
      if (count % port.size != 0 || (port.is_loop && count != port.size)) {
        throw Error(path.string(), fmt::format("{} values do not fit the input '{}'", count, port.name),
                    port.is_loop ? fmt::format("its state takes {}", port.size)
                                 : fmt::format("a step takes {}", port.size));
      }
      if (port.is_loop) continue;
      const int64_t steps = count / port.size;
      if (sequence.steps >= 0 && steps != sequence.steps)
        throw Error(path.string(),
                    fmt::format("has {} steps for one input and {} for another", sequence.steps, steps));
      sequence.steps = steps;
    }
    if (sequence.steps <= 0) throw Error(path.string(), "holds no steps");
    if (options_.steps > 0) sequence.steps = std::min(sequence.steps, options_.steps);
    all.push_back(std::move(sequence));
  }

  const StreamInputOptions& options_;
  const Session& session_;
  std::vector<size_t> data_inputs_;
  std::optional<FrontEndOptions> front_end_;
  bool has_own_rate_ = false;  // the carried front end says it
};

void add_labels(const StreamInputOptions& options, const std::vector<fs::path>& files,
                std::vector<StreamSequence>& all) {
  if (options.labels.empty()) return;
  const Labels labels = options.classes.empty()
                            ? read_labels(options.labels)
                            : read_labels(options.labels, read_class_names(options.classes));
  std::vector<int64_t> values = labels.values;
  if (!labels.files.empty()) values = labels_for(labels, files);
  if (values.size() < all.size() ||
      (labels.files.empty() && values.size() != all.size() && options.limit < 0))
    throw Error(options.labels, fmt::format("holds {} labels for {} sequences", values.size(), all.size()));
  for (size_t i = 0; i < all.size(); ++i) all[i].label = values[i];
}

}  // namespace

void StreamInputOptions::add_to(CLI::App& command) {
  command
      .add_option(
          "--input", inputs,
          "What flows in: WAV or FLAC (with --front-end), NPZ, NPY, CSV or raw floats (.f32) of frames, or "
          "folders of them; repeat for several")
      ->required()
      ->allow_extra_args(false);
  command.add_option("--front-end", front_end,
                     "How sound becomes frames: 'log_mel(40, 25 ms, 10 ms)', 'mfcc(13, 30 ms, 10 ms)', "
                     "'magnitude(32 ms, 8 ms)', 'samples(32 ms, 8 ms)', ..., or a YAML file; without, what "
                     "the network's metadata "
                     "'front_end' says");
  command
      .add_option("--rate", rate_Hz,
                  "Sampling rate of the front end in Hz (16000); sounds of others are resampled")
      ->check(CLI::Range(100, 1000000));
  command.add_option("--limit", limit, "At most this many sequences")->check(CLI::PositiveNumber);
  command
      .add_option("--steps", steps,
                  "At most this many steps of each sequence; a sound is cut before it becomes frames")
      ->check(CLI::PositiveNumber);
}

void StreamInputOptions::add_labels_to(CLI::App& command, const std::string& without) {
  CLI::Option* option = command.add_option("--labels", labels,
                                           "The right answers: CSV (file,class_index), IDX or NPY" + without);
  command
      .add_option(
          "--classes", classes,
          "Names of the network's classes, one a line in the order of its outputs: labels are then words "
          "(CSV columns file,word)")
      ->needs(option);
}

int64_t StreamSequences::steps() const {
  int64_t sum = 0;
  for (const StreamSequence& each : all) sum += each.steps;
  return sum;
}

StreamKind stream_kind_of(const std::string& path) {
  if (fs::is_directory(path)) {
    const bool any = std::any_of(fs::directory_iterator(path), fs::directory_iterator(), is_sequence);
    return any ? StreamKind::frames : StreamKind::none;
  }
  const std::string extension = extension_of(path);
  if (extension == ".npy" || extension == ".npz") return StreamKind::arrays;
  if (extension == ".csv") {
    return holds_csv_frames(read_file(path), path) ? StreamKind::frames : StreamKind::none;
  }
  const bool known = std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
  return known ? StreamKind::frames : StreamKind::none;
}

StreamSequences load_sequences(const StreamInputOptions& options, const Network& network,
                               const Session& session) {
  const Loader loader(options, network, session);
  StreamSequences result;
  result.front_end = loader.front_end_text();
  std::vector<fs::path> files = files_of(options);
  if (options.limit > 0 && static_cast<int64_t>(files.size()) > options.limit)
    files.resize(static_cast<size_t>(options.limit));
  loader.require_used(files);
  for (const fs::path& file : files) {
    loader.load(file, result.all);
    if (options.limit > 0 && static_cast<int64_t>(result.all.size()) >= options.limit) break;
  }
  if (options.limit > 0 && static_cast<int64_t>(result.all.size()) > options.limit)
    result.all.resize(static_cast<size_t>(options.limit));
  add_labels(options, files, result.all);
  result.description = fmt::format("{} of {} sequence{}, {} steps", fmt::join(options.inputs, ", "),
                                   result.all.size(), result.all.size() == 1 ? "" : "s", result.steps());
  return result;
}

}  // namespace deltahop
