// SPDX-License-Identifier: Apache-2.0
// The bound that no mapping can beat: arithmetic or the way to DRAM, whichever is slower. [Williams2009]
//   const Roofline roof = roofline(chip);
//   const double bound = attainable_ops_per_second(roof, intensity);
#pragma once

#include "deltahop/base/units.h"
#include "deltahop/hardware/architecture.h"

namespace deltahop {

// One multiply-accumulate is two operations.
struct Roofline {
  double peak_ops_per_second = 0.0;  // 2 x multipliers x clock
  double dram_bytes_per_second =
      0.0;                          // 0: the port's width is unknown, only the flat part of the roof is there
  double ridge_ops_per_byte = 0.0;  // where the two meet; 0 without a bandwidth
};

Roofline roofline(const Architecture& chip);
double attainable_ops_per_second(const Roofline& roof, double ops_per_byte);
// Operations per byte of DRAM traffic; infinity where nothing moves. The port is taken as full duplex, so its
// busier direction counts: with a port that does one thing at a time the bound would be lower still.
double operational_intensity(double macs, Bits dram_read, Bits dram_written);

}  // namespace deltahop
