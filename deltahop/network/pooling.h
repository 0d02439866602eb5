// SPDX-License-Identifier: Apache-2.0
// What all pooling layers share: the geometry of a window over the spatial axes, and the walk over windows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "deltahop/base/parallel.h"
#include "deltahop/network/layer.h"
#include "deltahop/network/sliding_window.h"

namespace deltahop {

// Three axes always: missing ones are in front, with one position and one tap.
class PoolingGeometry {
 public:
  // input: [N, C, ...] with one to three spatial axes. Throws Error where the window does not fit, or where
  // padding is as large as the window, which could then lie in the padding alone.
  PoolingGeometry(const SlidingWindow& window, const Shape& input);

  const Shape& output_shape() const { return output_shape_; }
  const std::array<WindowAxis, 3>& axes() const { return axes_; }
  int64_t planes() const { return output_shape_[0] * output_shape_[1]; }
  int64_t in_plane() const { return axes_[0].in * axes_[1].in * axes_[2].in; }
  // Planes that are worth a thread of their own.
  int64_t smallest_piece() const {
    return std::max<int64_t>(1, kSmallestWork / std::max<int64_t>(1, in_plane()));
  }
  int64_t out_plane() const { return axes_[0].out * axes_[1].out * axes_[2].out; }

  // One position of the window along one axis: computed once, used for every plane.
  struct Step {
    int64_t first = 0;         // input position of the first tap inside the input
    int64_t inside_count = 0;  // taps inside the input
    int64_t padded_count = 0;  // taps inside the input or its padding
  };
  using Place = std::array<Step, 3>;
  static int64_t inside_count(const Place& place) {
    return place[0].inside_count * place[1].inside_count * place[2].inside_count;
  }
  static int64_t padded_count(const Place& place) {
    return place[0].padded_count * place[1].padded_count * place[2].padded_count;
  }

  // All positions along one axis (0: depth, 1: rows, 2: columns).
  std::vector<Step> steps(size_t axis) const;

  // Calls window(plane, output index in the plane, place) for every output; planes are split over threads.
  template <class Window>
  void for_each(int threads, const Window& window) const;
  // Calls visit(input index in the plane) for every tap of the window at `place` that is inside the input.
  template <class Visit>
  void for_each_tap(const Place& place, const Visit& visit) const;
  // The different numbers of taps that windows have, with or without those in the padding.
  std::vector<int64_t> distinct_counts(bool with_padding) const;

 private:
  static constexpr int64_t kSmallestWork = 1 << 15;  // inputs

  std::array<WindowAxis, 3> axes_;
  Shape output_shape_;
};

// [N, C, ...] -> [N, C, 1, ...]. Throws Error where there are no spatial dimensions or they are empty.
Shape global_pooling_shape(const Shape& input);

template <class Window>
void PoolingGeometry::for_each(int threads, const Window& window) const {
  const std::array<std::vector<Step>, 3> all = {steps(0), steps(1), steps(2)};
  parallel_for(
      threads, planes(),
      [&](int64_t begin, int64_t end) {
        for (int64_t plane = begin; plane < end; ++plane) {
          int64_t index = 0;
          for (const Step& depth : all[0]) {
            for (const Step& row : all[1]) {
              for (const Step& column : all[2]) window(plane, index++, Place{depth, row, column});
            }
          }
        }
      },
      smallest_piece());
}

template <class Visit>
void PoolingGeometry::for_each_tap(const Place& place, const Visit& visit) const {
  const int64_t columns = axes_[2].in, rows = axes_[1].in;
  for (int64_t d = 0; d < place[0].inside_count; ++d) {
    const int64_t depth = place[0].first + d * axes_[0].dilation;
    for (int64_t r = 0; r < place[1].inside_count; ++r) {
      int64_t at = (depth * rows + place[1].first + r * axes_[1].dilation) * columns + place[2].first;
      for (int64_t s = 0; s < place[2].inside_count; ++s, at += axes_[2].dilation) visit(at);
    }
  }
}

}  // namespace deltahop
