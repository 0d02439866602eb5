// SPDX-License-Identifier: Apache-2.0
// Which colour of the page's palette a kind of data, a memory or a phase has in every chart.
#include "deltahop/report/chart_colours.h"

#include <algorithm>
#include <vector>

namespace deltahop {

int kind_colour(DataKind kind) {
  switch (kind) {
    case DataKind::input:
      return 0;
    case DataKind::weight:
      return 1;
    case DataKind::output:
      return 2;
    case DataKind::partial_sum:
      return 3;
    case DataKind::bias:
      return 4;
    case DataKind::control:
      return 5;
  }
  return 5;
}

int level_colour(const std::string& level) {
  static const std::vector<std::string> kLevels = {"input_buffer",          "dram",   "kernel_memory",
                                                   "partial_sum_registers", "adders", "multipliers"};
  if (level == "state_memory") return level_colour("input_buffer");
  if (level == "global_buffer" || level == "input_registers") return level_colour("input_buffer");
  if (level == "weight_memory") return level_colour("kernel_memory");
  if (level == "partial_sum_memory") return level_colour("partial_sum_registers");
  const auto found = std::find(kLevels.begin(), kLevels.end(), level);
  if (found != kLevels.end()) return static_cast<int>(found - kLevels.begin());
  return level == "multiply_accumulate" ? 5 : 6;
}

int phase_colour(Phase phase) {
  switch (phase) {
    case Phase::compute:
      return 0;
    case Phase::kernel_load:
    case Phase::delta_encoding:
      return 1;
    case Phase::input_load:
    case Phase::activation:
    case Phase::buffer_wait:
      return 2;
    case Phase::output_drain:
    case Phase::dram_wait:
      return 3;
    case Phase::configuration:
    case Phase::pipeline_fill:
      return 4;
  }
  return 5;
}

int data_colour(const std::string& name) {
  for (size_t kind = 0; kind < kDataKinds; ++kind) {
    if (name == name_of(static_cast<DataKind>(kind))) return kind_colour(static_cast<DataKind>(kind));
  }
  return name == "arithmetic" ? 5 : 6;
}

}  // namespace deltahop
