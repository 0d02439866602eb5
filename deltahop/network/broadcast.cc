// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/broadcast.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t from_end = 1; from_end <= result.size(); ++from_end) {
    const int64_t left = from_end <= a.size() ? a[a.size() - from_end] : 1;
    const int64_t right = from_end <= b.size() ? b[b.size() - from_end] : 1;
    if (left != right && left != 1 && right != 1) {
      throw Error("", fmt::format("the shapes {} and {} do not broadcast", to_text(a), to_text(b)),
                  fmt::format("axis {} from the end is {} against {}", from_end, left, right));
    }
    result[result.size() - from_end] = left == 1 ? right : left;
  }
  return result;
}

Shape broadcast_shape(const std::vector<Shape>& shapes) {
  Shape result;
  for (const Shape& shape : shapes) result = broadcast_shape(result, shape);
  return result;
}

BroadcastLoops BroadcastLoops::of(const std::vector<Shape>& operands) {
  BroadcastLoops loops;
  loops.shape = broadcast_shape(operands);
  loops.count = element_count(loops.shape);
  loops.steps.resize(operands.size());
  if (loops.count == 0) {
    loops.sizes.push_back(0);
    for (auto& steps : loops.steps) steps.push_back(0);
    return loops;
  }
  const size_t rank = loops.shape.size();
  std::vector<std::vector<int64_t>> full(operands.size(), std::vector<int64_t>(rank, 0));
  for (size_t o = 0; o < operands.size(); ++o) {
    const Shape& shape = operands[o];
    const std::vector<int64_t> strides = strides_of(shape);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] != 1) full[o][rank - shape.size() + axis] = strides[axis];
    }
  }
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t size = loops.shape[axis];
    if (size == 1) continue;
    bool mergeable = !loops.sizes.empty();
    for (size_t o = 0; mergeable && o < operands.size(); ++o)
      mergeable = loops.steps[o].back() == full[o][axis] * size;
    if (!mergeable) loops.sizes.push_back(1);
    loops.sizes.back() *= size;
    for (size_t o = 0; o < operands.size(); ++o) {
      if (mergeable)
        loops.steps[o].back() = full[o][axis];
      else
        loops.steps[o].push_back(full[o][axis]);
    }
  }
  if (loops.sizes.empty()) {  // a single element
    loops.sizes.push_back(1);
    for (auto& steps : loops.steps) steps.push_back(1);
  }
  return loops;
}

}  // namespace deltahop
