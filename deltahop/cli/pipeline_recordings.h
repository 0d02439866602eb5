// SPDX-License-Identifier: Apache-2.0
// The recordings that a sound pipeline gets: files or folders as they are, with their clean versions where
// there are any; or clean ones into which noise is mixed here, at given ratios.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/command.h"
#include "deltahop/cli/stream_job.h"

namespace deltahop {

struct RecordingOptions {
  std::vector<std::string> inputs;      // WAV or FLAC, or folders of them
  std::vector<std::string> references;  // the clean versions, by the same file names; or one for one
  std::vector<std::string> noises;      // mixed into every input
  std::vector<double> snrs_dB;
  uint64_t seed = 1;   // of the places that noise is taken from
  int64_t limit = -1;  // inputs

  void add_to(CLI::App& command);  // all but inputs, seed and limit
};

struct Recording {
  std::string name;
  std::vector<float> samples;
  std::vector<float> reference;  // as long as samples; empty where there is none
  size_t source = 0;             // which of the inputs
};

// One channel at `rate_Hz`. Throws Error naming the file.
std::vector<Recording> load_recordings(const RecordingOptions& options, int64_t rate_Hz);

// Options that would do nothing are refused by name, never ignored: those of networks for a sound pipeline,
// and those of pipelines for a network.
void refuse_idle_options(const StreamInputOptions& input, const SessionChoices& session,
                         const RecordingOptions& recordings, bool is_sound_pipeline);

}  // namespace deltahop
