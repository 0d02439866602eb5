// SPDX-License-Identifier: Apache-2.0
// Whole transfers over a channel, one after the other.
#include <algorithm>

#include "deltahop/simulate/dram_channel.h"

namespace deltahop {

int64_t DramChannel::read_burst(uint64_t address, int64_t bytes, int64_t start) {
  return transfer(address, bytes, start, false);
}

int64_t DramChannel::write_burst(uint64_t address, int64_t bytes, int64_t start) {
  return transfer(address, bytes, start, true);
}

int64_t DramChannel::transfer(uint64_t address, int64_t bytes, int64_t start, bool write) {
  start = std::max(start, now_);
  if (bytes <= 0) return start;
  const int shift = mapping_.burst_shift();
  const uint64_t last = (address + static_cast<uint64_t>(bytes) - 1) >> shift;
  for (uint64_t burst = address >> shift; burst <= last; ++burst) {
    while (!push({burst << shift, write, start}, 0)) step();
  }
  finish();
  completions_.clear();
  next_completion_ = 0;
  return last_completion_;
}

}  // namespace deltahop
