// SPDX-License-Identifier: Apache-2.0
// Counts x costs, nothing hidden: every picojoule is an entry with its count, unit cost and source. DRAM is
// kept apart from the core and is costed with every figure that the technology file lists.
//   const EnergyBreakdown energy = energy_of(stats, chip, technology("28nm_scaled"));
#pragma once

#include <string>
#include <vector>

#include "deltahop/base/units.h"
#include "deltahop/hardware/architecture.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/simulate/stats.h"

namespace deltahop {

struct EnergyEntry {
  std::string level;  // "multipliers", "input_buffer", "kernel_memory", "partial_sum_registers", "dram", ...
  std::string data_kind;  // "input", "weight", ...; "arithmetic" for multipliers and adders
  std::string operation;  // "read", "write", "multiply", "add"
  double count = 0.0;     // how often
  std::string unit;       // what one is: "bit", "operation"
  double unit_cost_pJ = 0.0;
  double energy_pJ = 0.0;  // count * unit_cost_pJ
  std::string source;      // where the unit cost comes from
};

// The DRAM part at one published cost per bit.
struct DramEnergy {
  std::string name;   // of the cost in the technology file
  std::string title;  // for people
  double cost_pJ_per_bit = 0.0;
  double energy_pJ = 0.0;
  std::string source;
  bool is_weak = false;  // the figure is an orientation, not a published value that was read
};

struct EnergyBreakdown {
  bool has_core = true;                   // false: the technology has no costs of what is on the chip
  std::vector<EnergyEntry> core;          // everything on the chip
  std::vector<EnergyEntry> dram;          // at the technology's default cost
  std::vector<DramEnergy> dram_costs;     // the same traffic at every listed cost; the default first
  std::vector<std::string> not_modelled;  // "leakage", "clock tree", ...

  double core_pJ() const;  // 0 where has_core is false
  double dram_pJ() const;  // at the default cost
  double total_pJ() const { return core_pJ() + dram_pJ(); }

  // Adds counts of equal entries (same level, kind, operation and unit cost).
  EnergyBreakdown& operator+=(const EnergyBreakdown& other);
};

EnergyBreakdown energy_of(const Stats& stats, const Architecture& chip, const Technology& technology);

// Sums of core and DRAM entries by level or by kind of data, in the order of first appearance.
struct EnergyShare {
  std::string name;
  double energy_pJ = 0.0;
};
std::vector<EnergyShare> energy_by_level(const EnergyBreakdown& energy);
std::vector<EnergyShare> energy_by_data_kind(const EnergyBreakdown& energy);

}  // namespace deltahop
