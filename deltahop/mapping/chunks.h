// SPDX-License-Identifier: Apache-2.0
// How many chunks of one dimension a cut through its loops tells apart.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace deltahop {

// One loop of a dimension as a cut sees it: counted loops multiply, the others are looked at in their largest
// chunk only.
struct CutLoop {
  int64_t step = 1;
  bool is_counted = false;
};

// Chunks of a tile that the counted loops tell apart, loops outermost first. The last chunk of a loop may be
// smaller.
inline int64_t count_chunks(int64_t tile, std::span<const CutLoop> loops) {
  if (loops.empty()) return 1;
  const CutLoop loop = loops.front();
  if (!loop.is_counted) return count_chunks(std::min(tile, loop.step), loops.subspan(1));
  const int64_t rest = tile % loop.step;
  return tile / loop.step * count_chunks(loop.step, loops.subspan(1)) +
         (rest > 0 ? count_chunks(rest, loops.subspan(1)) : 0);
}

}  // namespace deltahop
