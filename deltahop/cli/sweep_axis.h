// SPDX-License-Identifier: Apache-2.0
// One axis of 'deltahop map --sweep': a size of the design and the values that it takes.
//   parse_sweep("glb=64..512KiB")      64, 128, 256, 512 KiB
//   parse_sweep("glb=64..512KiB:7")    seven steps of one factor, rounded to whole numbers of the unit
//   parse_sweep("pes=8x8,12x14")       as listed
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

enum class SweepSize { glb, rf, pes, batch, bandwidth };

struct SweepValue {
  std::string text;     // "64 KiB", "12x14", "16"
  double number = 0.0;  // bytes, elements, inputs, bytes a cycle
};

struct SweepAxis {
  SweepSize size = SweepSize::glb;
  std::string name;  // "glb"
  std::vector<SweepValue> values;
  // Of a chip at this value; empty where the chip stays the same (batch, bandwidth).
  std::vector<std::string> settings(const SweepValue& value) const;
};

// Throws Error: an unknown name, a range that falls, more than a thousand values.
SweepAxis parse_sweep(std::string_view text);

}  // namespace deltahop
