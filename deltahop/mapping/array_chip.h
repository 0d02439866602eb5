// SPDX-License-Identifier: Apache-2.0
// A chip for the mapper, read from YAML: DRAM, one buffer, an array of elements with or without storage, what
// its dataflow leaves open, and what an access costs. docs/mapping_yaml.md has the keys.
//   const ArrayChip chip = load_array_chip("rs");       load_array_chip("mine.yaml", {"array.rows=12"})
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/mapping/access_costs.h"
#include "deltahop/mapping/search.h"
#include "deltahop/mapping/sparsity.h"

namespace deltahop {

struct ArrayChip {
  std::string name = {}, summary = {}, citation = {};
  int64_t word_bits = 16;
  Hierarchy hierarchy;  // dram, buffer and, where elements store, element
  Dataflow dataflow;
  AccessCosts costs;
  Sparsity sparsity;
  double dram_bytes_per_cycle = 0.0;  // to and from DRAM together; 0: not known, never waited for
  Hertz clock = {};                   // 0: not known
  std::vector<std::string> notes;
  std::string resolved;  // the file as read, for provenance

  AccessCosts sized_costs() const { return sized_for(costs, hierarchy, word_bits); }
  UnitCosts unit_costs() const;
};

// What is wrong is noted in `config`, which the caller finishes.
ArrayChip read_array_chip(const Config& config, std::string_view name);

std::vector<std::string> array_chip_names();
std::vector<std::string> access_cost_names();
std::vector<std::string> sparsity_names();
// A shipped file by name or a path to a YAML file; `settings` are key=value overrides. Throws Error.
ArrayChip load_array_chip(std::string_view name_or_path, const std::vector<std::string>& settings = {});
AccessCosts load_access_costs(std::string_view name_or_path);
Sparsity load_sparsity(std::string_view name_or_path);

}  // namespace deltahop
