// SPDX-License-Identifier: Apache-2.0
// The time of a call, measured by calling again and again.
#pragma once

#include <chrono>
#include <cstdint>

namespace deltahop {

// Seconds of one call, the mean over as many as last least_seconds.
template <class Call>
double seconds_of_call(double least_seconds, const Call& call) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  double passed = 0;
  int64_t calls = 0;
  do {
    call();
    ++calls;
    passed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (passed < least_seconds);
  return passed / static_cast<double>(calls);
}

}  // namespace deltahop
