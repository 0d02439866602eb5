// SPDX-License-Identifier: Apache-2.0
// Eyeriss's configuration as plain data, read strictly from YAML. What [Chen2017] leaves open, or what we
// could not read there, is a key here; README.md says which value was chosen and why.
#pragma once

#include <string>
#include <vector>

#include "deltahop/accelerators/eyeriss/mapping.h"
#include "deltahop/base/config.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/tensor/fixed_point.h"

namespace deltahop::eyeriss {

enum class Compression { when_smaller, always, never };

// A mapping for every layer of this shape.
struct ListedMapping {
  std::string layer;
  int64_t in_channels = 0, out_channels = 0, groups = 1, kernel = 0, stride = 1, out_rows = 0;
  Mapping mapping;
};

struct Limits {
  int64_t kernel_rows = 12, kernel_columns = 32, channels = 1024, filters = 1024, column_stride = 12;
  std::vector<int64_t> row_strides = {1, 2, 4};
};

struct Link {
  int64_t bits = 64;
  Hertz clock{60e6};
  Compression compression = Compression::when_smaller;
  bool maps_hidden = false;
};

struct EyerissConfig {
  Architecture architecture;
  Array array;
  int64_t input_bus = 1, filter_bus = 4, sum_bus = 4;  // words a cycle
  Link link;
  Limits limits;
  int64_t batch = 4;
  int word_bits = 16;
  Rounding rounding = Rounding::floor;
  Overflow overflow = Overflow::saturate;
  enum class UnknownOutput { as_output, as_input, number } unknown_output = UnknownOutput::as_output;
  double unknown_output_density = 0;
  bool fully_connected = false, any_size = false;
  bool walking = false;  // simulate() by the walking model
  bool listed_first = true;
  std::vector<ListedMapping> mappings;
  std::string resolved;  // the YAML in force

  double link_bits_per_cycle() const {
    return static_cast<double>(link.bits) * link.clock.number() / architecture.clock.number();
  }
};

// Reads every key, then finishes the configuration. Throws Error with file, line and column.
EyerissConfig read_eyeriss_config(const Config& config);

}  // namespace deltahop::eyeriss
