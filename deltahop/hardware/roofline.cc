// SPDX-License-Identifier: Apache-2.0
#include "deltahop/hardware/roofline.h"

#include <algorithm>
#include <limits>

namespace deltahop {

Roofline roofline(const Architecture& chip) {
  Roofline roof;
  roof.peak_ops_per_second = 2.0 * static_cast<double>(chip.multipliers) * chip.clock.number();
  roof.dram_bytes_per_second = bytes_of(chip.dram_bits_per_cycle) * chip.clock.number();
  if (roof.dram_bytes_per_second > 0)
    roof.ridge_ops_per_byte = roof.peak_ops_per_second / roof.dram_bytes_per_second;
  return roof;
}

double attainable_ops_per_second(const Roofline& roof, double ops_per_byte) {
  if (roof.dram_bytes_per_second <= 0) return roof.peak_ops_per_second;
  return std::min(roof.peak_ops_per_second, ops_per_byte * roof.dram_bytes_per_second);
}

double operational_intensity(double macs, Bits dram_read, Bits dram_written) {
  const Bits moved = std::max(dram_read, dram_written);
  if (moved.number() <= 0) return std::numeric_limits<double>::infinity();
  return 2.0 * macs / bytes_of(moved);
}

}  // namespace deltahop
