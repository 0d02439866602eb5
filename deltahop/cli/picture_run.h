// SPDX-License-Identifier: Apache-2.0
// `deltahop run` for a network without states on pictures or arrays: by the engine that takes each layer
// dense or by its zeros, as the input at hand and the measured break-evens say.
#pragma once

#include <string>

#include "deltahop/cli/break_even_options.h"
#include "deltahop/cli/options.h"
#include "deltahop/cli/stream_job.h"
#include "deltahop/report/findings.h"

namespace deltahop {

// Options that only this kind of run has.
struct PictureOptions {
  InputOptions preparation;  // how pixels become numbers
  BreakEvenOptions break_even;

  void add_to(CLI::App& command);  // after --input
  // Throws Error where one is given, for a run that has no use for it.
  void refuse_all() const;
};

// Whether the network runs picture by picture and not step by step on a stream. Arrays in NPY and NPZ are
// pictures for networks with convolutions over an area, unless `by_steps`: an option asks for steps.
bool runs_on_pictures(const Network& network, const StreamInputOptions& input, bool by_steps);
// Throws Error for what would do nothing, or is done on streams only.
void refuse_stream_options(const StreamInputOptions& input, const SessionChoices& session);

struct PictureRunJob {
  const Network& network;  // as loaded
  StreamInputOptions input;
  PictureOptions options;
  SessionChoices session;
  bool compare_dense = false;
  std::string output;  // outputs as NPZ; "" for none
};

// Throws Error.
Findings run_on_pictures(const PictureRunJob& job, Surroundings& surroundings);

}  // namespace deltahop
