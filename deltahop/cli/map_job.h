// SPDX-License-Identifier: Apache-2.0
// What 'deltahop map' was asked for, and the chips and layers that follow from it.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/map_findings.h"
#include "deltahop/cli/map_zeros.h"

namespace deltahop {

struct MapJob {
  NetworkOptions network;
  SizeOptions sizes;
  std::vector<std::string> architectures = {"rs"}, settings, bypass, costs, sparsity, sweep;
  std::string layer, save, given;
  MapZerosOptions zeros;
  Objective objective = Objective::energy;
  int64_t batch = 1;
  ReportOptions report;
};

// Every architecture with every way to use zeros and every table of costs, with `further` settings.
std::vector<ArrayChip> chips_of(const MapJob& job, const std::vector<std::string>& further = {});
// Those of the network, or the one that is asked for; `network` is folded and bound.
std::vector<LayerToMap> layers_of(const MapJob& job, const Network& network, int64_t batch);
Network network_of(const MapJob& job);
// Throws Error where zeros are given and not used, or asked for and not given.
void require_zeros(const MapJob& job, const std::vector<ArrayChip>& chips);

}  // namespace deltahop
