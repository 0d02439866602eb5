// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/stats.h"

#include "deltahop/base/error.h"

namespace deltahop {

std::string_view name_of(MemoryLevel level) {
  static constexpr std::array<std::string_view, kMemoryLevels> kNames = {"dram",
                                                                         "input_buffer",
                                                                         "kernel_memory",
                                                                         "partial_sum_registers",
                                                                         "weight_memory",
                                                                         "partial_sum_memory",
                                                                         "state_memory",
                                                                         "global_buffer",
                                                                         "input_registers",
                                                                         "array"};
  return kNames.at(static_cast<size_t>(level));
}

std::string_view name_of(DataKind kind) {
  static constexpr std::array<std::string_view, kDataKinds> kNames = {"input",       "weight", "output",
                                                                      "partial_sum", "bias",   "control"};
  return kNames.at(static_cast<size_t>(kind));
}

std::string_view name_of(Phase phase) {
  static constexpr std::array<std::string_view, kPhases> kNames = {
      "compute",        "kernel_load", "input_load", "output_drain",  "configuration",
      "delta_encoding", "dram_wait",   "activation", "pipeline_fill", "buffer_wait"};
  return kNames.at(static_cast<size_t>(phase));
}

Cycles Stats::cycles() const {
  Cycles sum;
  for (const Cycles part : cycles_by_phase) sum += part;
  return sum;
}

Traffic Stats::at(MemoryLevel level) const {
  Traffic sum;
  for (const Traffic& part : traffic[static_cast<size_t>(level)]) sum += part;
  return sum;
}

Stats& Stats::operator+=(const Stats& other) {
  const auto add = [](int64_t& into, int64_t count) {
    DELTAHOP_CHECK(count >= 0 && into >= 0);
    DELTAHOP_CHECK(!__builtin_add_overflow(into, count, &into));
  };
  for (size_t i = 0; i < kPhases; ++i) cycles_by_phase[i] += other.cycles_by_phase[i];
  add(macs_done, other.macs_done);
  add(macs_skipped_zero_input, other.macs_skipped_zero_input);
  add(macs_skipped_padding, other.macs_skipped_padding);
  add(mac_slots_idle, other.mac_slots_idle);
  for (size_t level = 0; level < kMemoryLevels; ++level) {
    for (size_t kind = 0; kind < kDataKinds; ++kind) traffic[level][kind] += other.traffic[level][kind];
  }
  return *this;
}

}  // namespace deltahop
