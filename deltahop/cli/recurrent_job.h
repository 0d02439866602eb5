// SPDX-License-Identifier: Apache-2.0
// deltahop simulate for a network of GRUs on a chip that has them, and the model that export writes out.
#pragma once

#include "deltahop/cli/simulate_job.h"
#include "deltahop/run/integer_recurrent.h"

namespace deltahop {

bool has_recurrent_layers(const Network& network);

// The integer model for the chip: formats of the chip, thresholds of the options. Throws Error where the chip
// cannot run it.
RecurrentModel recurrent_model_for(const Network& network, const ThresholdOptions& thresholds,
                                   const Accelerator& chip, std::vector<std::string>& notes);

// Saved traces of recurrent networks, one file a sequence (run/saved_sequence.h).
bool are_recurrent_traces(const std::vector<std::string>& files);
Report replay_recurrent_traces(const SimulateJob& job, const std::vector<std::string>& files,
                               const Accelerator& chip, const Technology& technology,
                               Surroundings& surroundings);

Report run_recurrent_job(const SimulateJob& job, const Network& network, const Accelerator& chip,
                         const Technology& technology, Surroundings& surroundings);

}  // namespace deltahop
