// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/pipeline_recordings.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/cli/options.h"
#include "deltahop/io/sound.h"
#include "deltahop/signal/mix.h"
#include "deltahop/signal/resample.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sounds_in(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path)) {
      files.emplace_back(path);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".wav" || entry.path().extension() == ".flac")
        inside.push_back(entry.path());
    }
    if (inside.empty()) throw Error(path, "holds no sounds", "expected WAV or FLAC files");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::vector<float> samples_of(const fs::path& path, int64_t rate_Hz) {
  const Sound sound = read_sound(path);
  if (sound.samples.empty()) throw Error(path.string(), "holds no samples");
  return resampled(mono(sound), sound.rate_Hz, rate_Hz);
}

fs::path reference_of(const fs::path& input, const std::vector<fs::path>& references, bool only_one) {
  if (only_one && references.size() == 1) return references[0];
  for (const fs::path& reference : references) {
    if (reference.filename() == input.filename()) return reference;
  }
  throw Error(input.string(), "has no clean version of its name among the references");
}

std::string stem_of(const fs::path& path) { return path.stem().string(); }

std::vector<Recording> mixtures(const RecordingOptions& options, const std::vector<fs::path>& inputs,
                                int64_t rate_Hz) {
  Random random(options.seed);
  std::vector<Recording> all;
  for (const fs::path& noise_path : sounds_in(options.noises)) {
    const auto noise = samples_of(noise_path, rate_Hz);
    for (size_t source = 0; source < inputs.size(); ++source) {
      const fs::path& input = inputs[source];
      const auto clean = samples_of(input, rate_Hz);
      for (const double snr : options.snrs_dB) {
        const auto segment = noise_segment(noise, static_cast<int64_t>(clean.size()), random);
        Recording recording{
            fmt::format("{}, {} at {} dB", stem_of(input), stem_of(noise_path), snr), {}, clean, source};
        try {
          recording.samples = mixed(clean, segment, snr);
        } catch (const Error& fault) {
          throw Error(recording.name, fault.what());
        }
        all.push_back(std::move(recording));
      }
    }
  }
  return all;
}

}  // namespace

void RecordingOptions::add_to(CLI::App& command) {
  command.add_option(
      "--reference", references,
      "A pipeline: the clean sound, or a folder of them by the names of the inputs; gives SI-SDR");
  command.add_option("--noise", noises,
                     "A pipeline: mixes these sounds (files or folders) into the inputs, which are clean");
  command.add_option("--snr", snrs_dB, "... at these ratios of powers in dB, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(-100.0, 100.0));
  exclude(command, "--noise", {"--reference"});
}

std::vector<Recording> load_recordings(const RecordingOptions& options, int64_t rate_Hz) {
  if (options.noises.empty() != options.snrs_dB.empty())
    throw Error(options.noises.empty() ? "--snr" : "--noise", "--noise and --snr go together",
                "for example --noise rain.wav --snr 0,5,10");
  std::vector<fs::path> inputs = sounds_in(options.inputs);
  if (options.limit > 0 && static_cast<int64_t>(inputs.size()) > options.limit)
    inputs.resize(static_cast<size_t>(options.limit));
  if (!options.noises.empty()) return mixtures(options, inputs, rate_Hz);
  const std::vector<fs::path> references = sounds_in(options.references);
  std::vector<Recording> all;
  for (size_t source = 0; source < inputs.size(); ++source) {
    const fs::path& input = inputs[source];
    Recording recording{stem_of(input), samples_of(input, rate_Hz), {}, source};
    if (!references.empty()) {
      const fs::path reference = reference_of(input, references, inputs.size() == 1);
      recording.reference = samples_of(reference, rate_Hz);
      if (recording.reference.size() != recording.samples.size())
        throw Error(reference.string(),
                    fmt::format("has {} samples where the noisy recording has {}", recording.reference.size(),
                                recording.samples.size()),
                    "both must be the same sentence, sample by sample");
    }
    all.push_back(std::move(recording));
  }
  return all;
}

void refuse_idle_options(const StreamInputOptions& input, const SessionChoices& session,
                         const RecordingOptions& recordings, bool is_sound_pipeline) {
  const auto refuse = [&](bool given, std::string_view option) {
    if (!given) return;
    if (is_sound_pipeline)
      throw Error(option, "does nothing for a sound pipeline, which says itself what it takes");
    throw Error(option, "is for sound pipelines", "see deltahop list pipelines");
  };
  if (is_sound_pipeline) {
    refuse(!input.front_end.empty(), "--front-end");
    refuse(input.rate_Hz > 0, "--rate");
    refuse(input.steps > 0, "--steps");
    refuse(!input.labels.empty(), "--labels");
    refuse(!session.loops.empty(), "--state-loop");
    refuse(session.no_loops, "--no-state-loops");
  } else {
    refuse(!recordings.references.empty(), "--reference");
    refuse(!recordings.noises.empty(), "--noise");
    refuse(!recordings.snrs_dB.empty(), "--snr");
  }
}

}  // namespace deltahop
