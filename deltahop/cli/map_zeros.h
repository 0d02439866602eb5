// SPDX-License-Identifier: Apache-2.0
// Where 'deltahop map' has its zeros from: densities on the command line, or the activations of real inputs.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/simulate_job.h"
#include "deltahop/mapping/map_network.h"

namespace deltahop {

struct MapZerosOptions {
  std::vector<std::string> densities;  // "inputs=0.4", "conv2:inputs=0.3"
  InputOptions input;
  FormatOptions format;

  void add_to(CLI::App& command);
  bool given() const { return !densities.empty() || !input.input.empty(); }
};

// Fills the zeros of the layers; `network` is folded and bound, `layers` are some of its own. Returns notes
// for the report.
std::vector<std::string> find_zeros(const MapZerosOptions& options, const Network& network, int threads,
                                    std::vector<LayerToMap>& layers, Console& console);

}  // namespace deltahop
