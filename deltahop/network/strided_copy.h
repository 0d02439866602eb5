// SPDX-License-Identifier: Apache-2.0
// Copies between a contiguous block and a strided view of another: what transposing, slicing, expanding and
// padding have in common. Runs are copied whole; where the fastest axes of both sides differ, square tiles
// keep both in the cache.
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// A tensor of `shape` whose element at index i is source[first + sum of i[axis] * steps[axis]]; steps may be
// negative or zero. The caller vouches that all of them lie within the source.
Tensor gather_strided(const Tensor& source, int64_t first, const Shape& shape,
                      const std::vector<int64_t>& steps);

// The other way round: target[first + sum of i[axis] * steps[axis]] = source[i]; steps of the target.
void scatter_strided(const Tensor& source, Tensor& target, int64_t first, const std::vector<int64_t>& steps);

}  // namespace deltahop
