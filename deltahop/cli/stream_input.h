// SPDX-License-Identifier: Apache-2.0
// What a session is fed with: recordings through a front end, or frames as arrays, with an answer each where
// there are labels. Whole sequences in memory; nothing about sound is guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/command.h"
#include "deltahop/network/network.h"
#include "deltahop/run/session.h"

namespace deltahop {

struct StreamInputOptions {
  std::vector<std::string> inputs;  // files and folders
  std::string labels, front_end;
  std::string classes;  // names of the network's classes, for labels that are words
  int64_t rate_Hz = 0;  // of the front end; 0: as the network says, else 16000
  int64_t limit = -1;   // sequences
  int64_t steps = -1;   // of each sequence

  void add_to(CLI::App& command);
  // --labels, --classes. `without`: what their absence means, for the help.
  void add_labels_to(CLI::App& command, const std::string& without = "");
};

struct StreamSequence {
  std::string name;
  int64_t steps = 0;
  // An input of the session each: [steps, size]; of a looped one the state before the first step, [size].
  // Empty for inputs that the file does not name: they stay zero.
  std::vector<std::vector<float>> values;
  std::optional<int64_t> label;
};

struct StreamSequences {
  std::vector<StreamSequence> all;
  std::string description;  // "12 WAV files, 24012 steps"
  std::string front_end;    // as YAML; "" where there is none
  int64_t steps() const;
};

// What a path holds for a stream: by its ending, as load_sequences takes it.
enum class StreamKind { none, arrays, frames };  // nothing that flows; NPY or NPZ; sound or rows of numbers
StreamKind stream_kind_of(const std::string& path);

// Throws Error naming the file. The network is asked for its front end, the session for its inputs.
StreamSequences load_sequences(const StreamInputOptions& options, const Network& network,
                               const Session& session);

}  // namespace deltahop
