// SPDX-License-Identifier: Apache-2.0
// A loop over [0, count) split over threads. Results must not depend on the split: each index owns what it
// writes.
//   parallel_for(threads, rows, [&](int64_t begin, int64_t end) { ... });
#pragma once

#include <cstdint>
#include <functional>

namespace deltahop {

// Calls body(begin, end) on contiguous pieces, at most `threads` at once; the first exception is thrown again
// here. One piece (the whole range) runs on the caller's thread where threads <= 1 or count is below
// `smallest_piece`.
void parallel_for(int threads, int64_t count, const std::function<void(int64_t begin, int64_t end)>& body,
                  int64_t smallest_piece = 1);

// The number of processors, at least 1.
int processor_count();

}  // namespace deltahop
