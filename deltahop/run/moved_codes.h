// SPDX-License-Identifier: Apache-2.0
// Layers that only move numbers, and put zeros beside them (Slice, Pad, Flatten, Transpose, ...), as runs of
// neighbours in maps whose channels lie beside each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

// count numbers from place `from` of the input to place `to` of the output.
struct MovedRun {
  int64_t from = 0, to = 0, count = 0;
  friend bool operator==(const MovedRun&, const MovedRun&) = default;
};

struct Moves {
  std::vector<MovedRun> runs;
  bool fills = false;  // some of the output is zero without a run

  template <class T>
  void run(const T* in, T* out, int64_t out_size) const {
    if (fills) std::fill_n(out, out_size, T{0});
    for (const MovedRun& each : runs) std::copy_n(in + each.from, each.count, out + each.to);
  }
};

// What the node does with its first input, found by sending places through it; absent where it does more than
// moving, needs values that are not known, or where input and output are no maps.
std::optional<Moves> moves_of(const Network& network, const Node& node);

}  // namespace deltahop
