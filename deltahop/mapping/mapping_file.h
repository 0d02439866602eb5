// SPDX-License-Identifier: Apache-2.0
// Mappings as YAML that a person can edit: a list of loops a level, outermost first.
//   mappings:
//     - layer: conv1
//       dram: [K step 64, C step 12]
//       buffer: [P step 1]
//       array: [R step 1 over rows, K step 4 over columns]
//       slides: [element]
//       bypass: {buffer: [weights]}
#pragma once

#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/mapping/mapping.h"

namespace deltahop {

struct NamedMapping {
  std::string layer;
  std::string place;  // in the file: "mappings.yaml:4:5"
  Mapping mapping;    // three levels; the last one without loops
};

struct MappingFile {
  int64_t batch = 1;
  std::vector<NamedMapping> mappings;
};

// What is wrong is noted in `config`, which the caller finishes.
MappingFile read_mappings(const Config& config);
std::string to_yaml(const MappingFile& file);

}  // namespace deltahop
