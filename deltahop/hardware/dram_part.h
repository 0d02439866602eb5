// SPDX-License-Identifier: Apache-2.0
// A DRAM chip as plain data: organisation, timings, currents, each with its source. One YAML file a part in
// hardware/dram/.
//   const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
//   const DramCosts costs = costs_of(part);                      // what a command costs, in picojoules
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/units.h"

namespace deltahop {

// In clocks of the command bus. _S between bank groups, _L within one; equal where a part has no groups.
struct DramTimings {
  int64_t CL = 0, CWL = 0;  // column command to the first beat
  int64_t tRCD = 0, tRP = 0, tRAS = 0, tRC = 0;
  int64_t tCCD_S = 0, tCCD_L = 0;
  int64_t tRRD_S = 0, tRRD_L = 0, tFAW = 0;
  int64_t tWR = 0, tWTR_S = 0, tWTR_L = 0, tRTP = 0;
  int64_t tRFC = 0;
  int64_t turnaround = 0;  // idle clocks of the data bus between a read burst and a write burst
};

// Currents of one supply in mA, under the data sheets' names; IDD2P is the slow one where a sheet gives two.
struct DramRail {
  std::string name;
  double supply_V = 0.0;
  double IDD0 = 0.0, IDD2P = 0.0, IDD2N = 0.0, IDD3P = 0.0, IDD3N = 0.0;
  double IDD4R = 0.0, IDD4W = 0.0, IDD5 = 0.0, IDD6 = 0.0;
};

struct DramPart {
  std::string name;  // of the file
  std::string summary;
  std::string family;  // "DDR3"
  Hertz clock;         // of the command bus; data moves on both edges
  int width_bits = 0;  // data pins
  int burst_beats = 0;
  int bank_groups = 1;
  int banks_per_group = 0;
  int64_t rows = 0, columns = 0;  // a column is width_bits wide
  DramTimings timings;
  Seconds refresh_interval;
  std::vector<DramRail> rails;
  std::string mapping;  // fields of an address from the most significant, see simulate/dram_mapping.h
  bool currents_are_weak = false;                // an orientation, never called published
  std::map<std::string, std::string> citations;  // "timings", "currents", ... to "[key] place or note"
  std::vector<std::string> notes;
  std::map<std::string, std::string> references;  // by citation key
  std::string resolved;                           // the file as read, for provenance

  int banks() const { return bank_groups * banks_per_group; }
  int64_t burst_clocks() const { return burst_beats / 2; }
  int64_t burst_bytes() const { return int64_t{burst_beats} * width_bits / 8; }
  int64_t bursts_per_row() const { return columns / burst_beats; }
  int64_t bytes() const { return int64_t{banks()} * rows * columns * width_bits / 8; }
  double clock_ns() const { return 1e9 / clock.number(); }
  double peak_bytes_per_second() const { return 2.0 * clock.number() * width_bits / 8.0; }
  // Rounded down: a refresh may come early, not late.
  int64_t refresh_interval_clocks() const;
};

// From the currents as vendors' power calculators do it; drivers and termination of the data pins are not in
// it. Background is counted apart, so activation and burst are what a command adds to it.
struct DramCosts {
  double activate_pJ = 0.0;              // with its precharge
  double read_pJ = 0.0, write_pJ = 0.0;  // one burst
  double refresh_pJ = 0.0;
  Watts active, precharged;        // standby: any row open, none open
  Watts power_down, self_refresh;  // for orientation: the channel model never powers down
};
DramCosts costs_of(const DramPart& part);

std::vector<std::string> dram_part_names();
// A shipped file by name or a path to a YAML file; `settings` are key=value overrides. Throws Error.
DramPart load_dram_part(std::string_view name_or_path, const std::vector<std::string>& settings = {});

}  // namespace deltahop
