// SPDX-License-Identifier: Apache-2.0
// How much may be computed at load time. A file of a few bytes can ask for any amount of memory and work (a
// ConstantOfShape, a convolution of it); what exceeds the budget stays a node that runs with the others, and
// a constant beyond all measure is refused.
#pragma once

#include <cstdint>
#include <span>

#include "deltahop/network/network.h"

namespace deltahop {

class FoldBudget {
 public:
  // Grows with what the network brings itself: a gigabyte of half-precision weights may be cast.
  explicit FoldBudget(const std::vector<Value>& values);
  // True where the outputs' sizes are known and still fit; they are then spent. Throws Error (no place) where
  // they are larger than a constant may be: 256 MiB and eight times the network's own.
  bool take(const Layer& layer, InferInputs inputs, std::span<const ValueInfo> outputs);

 private:
  double bytes_left_;
  double work_left_;  // elements read, written or multiplied
  double most_made_bytes_;
};

// Throws Error (no place) on a shape that no real network has: more than 32 dimensions or 2^33 bytes.
void check_plausible(DataType type, const Shape& shape);

}  // namespace deltahop
