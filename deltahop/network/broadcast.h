// SPDX-License-Identifier: Apache-2.0
// Loops over operands of different shapes that are stretched to one, as numpy does it: shapes are aligned at
// their last axis, an axis of size 1 repeats. Neighbouring axes are merged where all operands allow it, so
// that the innermost run is long and has steps of 0 or 1.
//   const BroadcastLoops loops = BroadcastLoops::of({a.shape(), b.shape()});
//   combine(loops, a.values<float>().data(), b.values<float>().data(), out.data(), std::plus<float>());
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// Throws Error where the shapes do not fit.
Shape broadcast_shape(const Shape& a, const Shape& b);
Shape broadcast_shape(const std::vector<Shape>& shapes);

struct BroadcastLoops {
  Shape shape;                              // of the result
  int64_t count = 0;                        // its elements
  std::vector<int64_t> sizes;               // after merging, outermost first; never empty
  std::vector<std::vector<int64_t>> steps;  // [operand][axis], in elements; 0 along an axis that repeats

  static BroadcastLoops of(const std::vector<Shape>& operands);
  int64_t run() const { return sizes.back(); }
  int64_t run_step(size_t operand) const { return steps[operand].back(); }
};

// Calls body(position, offsets) for every innermost run: where it starts in the result and in each operand.
template <class Body>
void for_each_run(const BroadcastLoops& loops, Body&& body) {
  if (loops.count == 0) return;
  const size_t operands = loops.steps.size();
  std::vector<int64_t> index(loops.sizes.size(), 0), offsets(operands, 0);
  for (int64_t position = 0; position < loops.count; position += loops.run()) {
    body(position, offsets.data());
    for (size_t axis = loops.sizes.size() - 1; axis-- > 0;) {
      for (size_t o = 0; o < operands; ++o) offsets[o] += loops.steps[o][axis];
      if (++index[axis] < loops.sizes[axis]) break;
      for (size_t o = 0; o < operands; ++o) offsets[o] -= loops.steps[o][axis] * loops.sizes[axis];
      index[axis] = 0;
    }
  }
}

// out[i] = function(a[i], b[i]) over the stretched shape; operand 0 is a, operand 1 is b. out may be a or b
// where that one is not stretched.
template <class A, class B, class Out, class Function>
void combine(const BroadcastLoops& loops, const A* a, const B* b, Out* out, const Function& function) {
  const int64_t run = loops.run(), step_a = loops.run_step(0), step_b = loops.run_step(1);
  for_each_run(loops, [&](int64_t position, const int64_t* offsets) {
    const A* left = a + offsets[0];
    const B* right = b + offsets[1];
    Out* result = out + position;
    // Three plain loops, so that each of them vectorises.
    if (step_a != 0 && step_b != 0) {
      for (int64_t i = 0; i < run; ++i) result[i] = function(left[i], right[i]);
    } else if (step_a != 0) {
      const B value = *right;
      for (int64_t i = 0; i < run; ++i) result[i] = function(left[i], value);
    } else {
      const A value = *left;
      for (int64_t i = 0; i < run; ++i) result[i] = function(value, right[i * step_b]);
    }
  });
}

}  // namespace deltahop
