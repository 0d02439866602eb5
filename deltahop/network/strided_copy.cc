// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/strided_copy.h"

#include <algorithm>
#include <cstring>

namespace deltahop {
namespace {

// A tile takes few steps along the view: in planes of a power of two they all fall into one set of the cache.
constexpr int64_t kTileRows = 32, kTileRun = 8;

// Loops with neighbouring axes merged; the block's steps are those of row-major order, the view's are given.
struct Loops {
  std::vector<int64_t> sizes, block_steps, view_steps;

  Loops(const Shape& shape, const std::vector<int64_t>& steps) {
    int64_t block_step = 1;
    // From the innermost axis outwards; reversed at the end.
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (shape[axis] == 1) continue;
      if (!sizes.empty() && steps[axis] == view_steps.back() * sizes.back()) {
        sizes.back() *= shape[axis];
      } else {
        sizes.push_back(shape[axis]);
        block_steps.push_back(block_step);
        view_steps.push_back(steps[axis]);
      }
      block_step *= shape[axis];
    }
    if (sizes.empty()) {
      sizes.push_back(1);
      block_steps.push_back(1);
      view_steps.push_back(1);
    }
    std::reverse(sizes.begin(), sizes.end());
    std::reverse(block_steps.begin(), block_steps.end());
    std::reverse(view_steps.begin(), view_steps.end());
  }
};

// Calls body(block offset, view offset) for each index of the axes that are not `skipped`.
template <class Body>
void for_each_outer(const Loops& loops, size_t skipped_a, size_t skipped_b, const Body& body) {
  std::vector<size_t> axes;
  for (size_t axis = 0; axis < loops.sizes.size(); ++axis) {
    if (axis != skipped_a && axis != skipped_b) axes.push_back(axis);
  }
  std::vector<int64_t> index(axes.size(), 0);
  int64_t block = 0, view = 0;
  while (true) {
    body(block, view);
    size_t k = axes.size();
    while (k-- > 0) {
      const size_t axis = axes[k];
      block += loops.block_steps[axis];
      view += loops.view_steps[axis];
      if (++index[k] < loops.sizes[axis]) break;
      block -= loops.block_steps[axis] * loops.sizes[axis];
      view -= loops.view_steps[axis] * loops.sizes[axis];
      index[k] = 0;
    }
    if (k == static_cast<size_t>(-1)) return;
  }
}

// assign(block offset, view offset, count, view step) moves one run along the block's fastest axis.
template <class Assign>
void for_each_run_of(const Loops& loops, const Assign& assign) {
  const size_t inner = loops.sizes.size() - 1;
  const int64_t run = loops.sizes[inner], step = loops.view_steps[inner];
  const auto fastest = std::find(loops.view_steps.begin(), loops.view_steps.end(), 1);
  const size_t other = static_cast<size_t>(fastest - loops.view_steps.begin());
  if (other >= inner || run < 2) {
    for_each_outer(loops, inner, inner, [&](int64_t block, int64_t view) { assign(block, view, run, step); });
    return;
  }
  const int64_t rows = loops.sizes[other], row_step = loops.block_steps[other];
  for_each_outer(loops, inner, other, [&](int64_t block, int64_t view) {
    for (int64_t row_tile = 0; row_tile < rows; row_tile += kTileRows) {
      for (int64_t tile = 0; tile < run; tile += kTileRun) {
        const int64_t count = std::min(kTileRun, run - tile);
        for (int64_t row = row_tile; row < std::min(row_tile + kTileRows, rows); ++row) {
          assign(block + row * row_step + tile, view + row + tile * step, count, step);
        }
      }
    }
  });
}

// Only the width of an element matters for moving it.
template <class Function>
void dispatch_width(size_t width, const Function& function) {
  switch (width) {
    case 1:
      return function.template operator()<uint8_t>();
    case 2:
      return function.template operator()<uint16_t>();
    case 4:
      return function.template operator()<uint32_t>();
    default:
      return function.template operator()<uint64_t>();
  }
}

}  // namespace

Tensor gather_strided(const Tensor& source, int64_t first, const Shape& shape,
                      const std::vector<int64_t>& steps) {
  DELTAHOP_CHECK(steps.size() == shape.size());
  Tensor result(source.type(), shape);
  if (result.size() == 0) return result;
  const Loops loops(shape, steps);
  dispatch_width(byte_width(source.type()), [&]<class Word>() {
    const Word* view_data = reinterpret_cast<const Word*>(source.bytes().data()) + first;
    Word* block_data = reinterpret_cast<Word*>(result.bytes().data());
    for_each_run_of(loops, [&](int64_t block, int64_t view, int64_t count, int64_t step) {
      const Word* from = view_data + view;
      Word* to = block_data + block;
      if (step == 1)
        std::memcpy(to, from, static_cast<size_t>(count) * sizeof(Word));
      else if (step == 0)
        std::fill_n(to, count, *from);
      else
        for (int64_t i = 0; i < count; ++i) to[i] = from[i * step];
    });
  });
  return result;
}

void scatter_strided(const Tensor& source, Tensor& target, int64_t first, const std::vector<int64_t>& steps) {
  DELTAHOP_CHECK(steps.size() == source.rank() && source.type() == target.type());
  if (source.size() == 0) return;
  const Loops loops(source.shape(), steps);
  dispatch_width(byte_width(source.type()), [&]<class Word>() {
    Word* view_data = reinterpret_cast<Word*>(target.bytes().data()) + first;
    const Word* block_data = reinterpret_cast<const Word*>(source.bytes().data());
    for_each_run_of(loops, [&](int64_t block, int64_t view, int64_t count, int64_t step) {
      const Word* from = block_data + block;
      Word* to = view_data + view;
      if (step == 1)
        std::memcpy(to, from, static_cast<size_t>(count) * sizeof(Word));
      else
        for (int64_t i = 0; i < count; ++i) to[i * step] = from[i];
    });
  });
}

}  // namespace deltahop
