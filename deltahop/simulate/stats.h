// SPDX-License-Identifier: Apache-2.0
// What a simulation counts, and nothing else: cycles, operations done and skipped, bits moved, by level and
// kind of data. Costs are applied later (energy.h), so every picojoule can be traced to a count.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "deltahop/base/units.h"

namespace deltahop {

// Where data sits. A chip uses those that it has. state_memory: what a recurrent chip keeps from step to step
// apart from its sums (outputs, values last sent). global_buffer: shared by all kinds of data;
// input_registers: of one processing element; array: no memory, but the network between elements, a read for
// every element that takes a word.
enum class MemoryLevel : uint8_t {
  dram,
  input_buffer,
  kernel_memory,
  partial_sum_registers,
  weight_memory,
  partial_sum_memory,
  state_memory,
  global_buffer,
  input_registers,
  array
};
enum class DataKind : uint8_t { input, weight, output, partial_sum, bias, control };
inline constexpr size_t kMemoryLevels = 10;
inline constexpr size_t kDataKinds = 6;
std::string_view name_of(MemoryLevel level);  // "dram", "input_buffer", ...
std::string_view name_of(DataKind kind);

struct Traffic {
  Bits read, written;
  Traffic& operator+=(const Traffic& other) {
    read += other.read;
    written += other.written;
    return *this;
  }
};

// Why time passed. The parts add up to Stats::cycles: hidden (overlapped) time is not in them.
// delta_encoding: the MACs wait for the next delta; dram_wait: for weights; activation: gates and products;
// pipeline_fill: registers between blocks and handshakes; buffer_wait: for the buses of the global buffer.
enum class Phase : uint8_t {
  compute,
  kernel_load,
  input_load,
  output_drain,
  configuration,
  delta_encoding,
  dram_wait,
  activation,
  pipeline_fill,
  buffer_wait
};
inline constexpr size_t kPhases = 10;
std::string_view name_of(Phase phase);

struct Stats {
  std::array<Cycles, kPhases> cycles_by_phase{};
  // dense_macs = macs_done + macs_skipped_zero_input + macs_skipped_padding. Skipped padding: positions
  // outside the map.
  int64_t macs_done = 0;
  int64_t macs_skipped_zero_input = 0;
  int64_t macs_skipped_padding = 0;
  // MAC slots that passed without a useful operation while the array computed: macs * compute cycles =
  // macs_done + idle.
  int64_t mac_slots_idle = 0;
  std::array<std::array<Traffic, kDataKinds>, kMemoryLevels> traffic{};

  Cycles cycles() const;
  Cycles cycles(Phase phase) const { return cycles_by_phase[static_cast<size_t>(phase)]; }
  int64_t dense_macs() const { return macs_done + macs_skipped_zero_input + macs_skipped_padding; }
  Traffic& at(MemoryLevel level, DataKind kind) {
    return traffic[static_cast<size_t>(level)][static_cast<size_t>(kind)];
  }
  const Traffic& at(MemoryLevel level, DataKind kind) const {
    return traffic[static_cast<size_t>(level)][static_cast<size_t>(kind)];
  }
  Traffic at(MemoryLevel level) const;  // all kinds together

  // Adds up counts; every count stays non-negative (checked).
  Stats& operator+=(const Stats& other);
};

}  // namespace deltahop
