// SPDX-License-Identifier: Apache-2.0
// What one access of one word costs at each place: a technology as the mapper sees it, read from YAML
// (docs/mapping_yaml.md). Either numbers, or the name of a table of hardware/technology/, which then gives
// those for the sizes that a chip has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/mapping/mapping.h"

namespace deltahop {

struct AccessCosts {
  std::string name = {}, summary = {}, citation = {};
  // How far the numbers may be trusted: "published"; "derived" by arithmetic from published ones; "bound":
  // what a statement allows at best.
  std::string trust = "published";
  std::string unit;  // "MACs" or "pJ"
  double mac = 1.0, element = 1.0, hop = 0.0, buffer = 1.0, dram = 1.0;
  std::string technology = {};  // of hardware/; "": the numbers above
  // Weights are where the multiplications are (memristors) and cost nothing to read.
  bool weights_in_place = false;
  std::vector<std::string> notes = {};
};

// What is wrong is noted in `config`, which the caller finishes.
AccessCosts read_access_costs(const Config& config, std::string_view name);

// The costs for storage of these sizes: the same where they are numbers.
AccessCosts sized_for(const AccessCosts& costs, const Hierarchy& hierarchy, int64_t word_bits);

}  // namespace deltahop
