// SPDX-License-Identifier: Apache-2.0
// A chip as plain data: only the facts that energy, roofline and reports need. Chip models fill it from their
// YAML.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deltahop/base/units.h"

namespace deltahop {

// One memory of the chip. `name` is that of a level of traffic: "input_buffer", "kernel_memory", ...
struct Memory {
  std::string name;
  Bits capacity;             // of one instance
  Bits word;                 // moved by one access
  int64_t instances = 1;     // built side by side, each accessed alone
  bool is_register = false;  // flip-flops or latches: costed as a register, not as an SRAM
};

struct Architecture {
  std::string name = {};      // "NullHop, 28 nm"
  std::string citation = {};  // key in docs/references.bib
  int64_t multipliers = 0;
  Hertz clock = {};
  SquareMillimetres core_area = {};  // 0 where unknown
  Bits dram_bits_per_cycle = {};     // of the chip's port; 0 where unknown
  int word_bits = 16;                // of the operands of one multiplication
  std::string technology = {};       // name of a file in hardware/technology/
  int accumulator_bits = 32;
  std::vector<Memory> memories = {};
};

}  // namespace deltahop
