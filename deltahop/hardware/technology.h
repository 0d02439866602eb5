// SPDX-License-Identifier: Apache-2.0
// What operations cost in a semiconductor process: picojoules and square micrometres, each with its citation.
// One YAML file a process in hardware/technology/; energies per bit of DRAM in hardware/dram_costs.yaml.
//   const Technology process = load_technology("45nm_horowitz");
//   const Cost product = process.multiply(16);
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/base/units.h"

namespace deltahop {

// One cost and where it comes from.
struct Cost {
  double energy_pJ = 0.0;
  std::string source;  // citation and, where the value was interpolated or scaled, how
};

// One point of a table: an operation at a width, or a memory at a capacity.
struct CostPoint {
  int64_t bits = 0;  // operand width, or bits moved by one access
  Bits capacity;     // of a memory; 0 for operations
  double energy_pJ = 0.0;
  std::string citation;
  std::string note;
  bool is_weak = false;  // commonly quoted, not read in its source: an orientation, never a published figure
};

struct AreaPoint {
  std::string name;  // "multiplier", "adder", "memory"
  int64_t bits = 0;  // operand width; of a memory: capacity
  double area_um2 = 0.0;
  std::string citation;
  std::string note;
  bool is_weak = false;
};

// A flat energy per bit of the whole path to DRAM.
struct DramCostPoint {
  std::string name;   // in files: "dram_default: cnnergy"
  std::string title;  // for people
  double energy_pJ_per_bit = 0.0;
  std::string citation;
  std::string note;
  bool is_weak = false;
};

// Static power of a measured chip, used per area.
struct Leakage {
  Watts power;
  SquareMillimetres area;
  std::string source;
};

struct Technology {
  std::string name;  // of the file
  std::string summary;
  std::string citation;
  double node_nm = 0.0;  // this and the supply: 0 where the file says neither
  double supply_V = 0.0;
  // Energies and areas on the chip are the table's times these; 1 except for scaled files.
  double energy_scale = 1.0;
  double area_scale = 1.0;
  std::string scale_note;  // the rule with its numbers; "" for none

  bool has_chip_costs =
      true;  // false: nobody published any, so that only DRAM is costed; the tables are empty
  std::vector<CostPoint> multiply_accumulates;  // where a source gives both operations together
  std::vector<CostPoint> multipliers, adders, memories, registers;
  std::vector<CostPoint> transfers;  // between the elements of an array; may be empty
  std::vector<AreaPoint> areas;
  std::vector<DramCostPoint> dram;  // the default first
  std::optional<Leakage> leakage;
  std::vector<std::string> notes;
  std::map<std::string, std::string> references;  // by citation key
  std::string resolved;                           // the file as read, for provenance

  // Absent where the process gives multiplication and addition apart.
  std::optional<Cost> multiply_accumulate(int bits) const;
  // Multiplication of two `bits`-wide integers: the point nearest in width, times (bits / its bits)^2.
  Cost multiply(int bits) const;
  // Integer addition: the nearest point, times bits / its bits.
  Cost add(int bits) const;
  // One bit read from or written to an SRAM of this capacity: between two points a power law of the capacity,
  // beyond them the square root of it; linear in the bits moved.
  Cost memory_bit(Bits capacity) const;
  Cost register_bit() const;
  // One bit taken by a processing element from the network of its array; absent without a point.
  std::optional<Cost> transfer_bit() const;
  // Square micrometres; absent without a point. Multipliers scale with the square of the width, the rest
  // linearly.
  std::optional<double> area_um2(std::string_view what, int64_t bits) const;
};

std::vector<std::string> technology_names();
// A shipped file by name or a path to a YAML file; `settings` are key=value overrides. Throws Error.
Technology load_technology(std::string_view name_or_path, const std::vector<std::string>& settings = {});

}  // namespace deltahop
