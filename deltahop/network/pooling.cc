// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/pooling.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace deltahop {

PoolingGeometry::PoolingGeometry(const SlidingWindow& window, const Shape& input) {
  if (input.size() < 3 || input.size() > 5) {
    throw Error("", fmt::format("the input has the shape {}", to_text(input)),
                "wanted batch, channels and one to three spatial dimensions");
  }
  if (window.kernel_shape.empty()) throw Error("", "the attribute 'kernel_shape' is missing");
  if (window.kernel_shape.size() != input.size() - 2) {
    throw Error("", fmt::format("kernel_shape {} does not fit the input {}", to_text(window.kernel_shape),
                                to_text(input)));
  }
  const std::vector<WindowAxis> axes = window.axes(spatial(input), window.kernel_shape);
  for (const WindowAxis& axis : axes) {
    if (axis.in < 1) throw Error("", fmt::format("the input {} is empty", to_text(input)));
    if (std::max(axis.pad_begin, axis.pad_end) >= axis.extent()) {
      throw Error("",
                  fmt::format("padding {} is as large as the window ({})",
                              std::max(axis.pad_begin, axis.pad_end), axis.extent()),
                  "a window would see nothing of the input");
    }
    // Only steps wider than the input can jump over it, and only from the leading padding.
    for (int64_t i = 0; axis.dilation > axis.in && axis.start(i) < 0 && i < axis.out; ++i) {
      if (axis.taps(i).count() == 0)
        throw Error("", fmt::format("dilation {} steps over the whole input ({})", axis.dilation, axis.in));
    }
  }
  std::copy(axes.begin(), axes.end(), axes_.end() - static_cast<std::ptrdiff_t>(axes.size()));
  output_shape_ = {input[0], input[1]};
  for (const WindowAxis& axis : axes) output_shape_.push_back(axis.out);
}

Shape global_pooling_shape(const Shape& input) {
  if (input.size() < 3)
    throw Error("", fmt::format("the input {} has no spatial dimensions", to_text(input)));
  Shape shape = input;
  for (size_t axis = 2; axis < shape.size(); ++axis) {
    if (shape[axis] < 1) throw Error("", fmt::format("the input {} is empty", to_text(input)));
    shape[axis] = 1;
  }
  return shape;
}

std::vector<PoolingGeometry::Step> PoolingGeometry::steps(size_t along) const {
  const WindowAxis& axis = axes_[along];
  std::vector<Step> steps;
  steps.reserve(static_cast<size_t>(axis.out));
  for (int64_t i = 0; i < axis.out; ++i) {
    const auto taps = axis.taps(i);
    steps.push_back({axis.start(i) + taps.begin * axis.dilation, taps.count(), axis.padded_count(i)});
  }
  return steps;
}

std::vector<int64_t> PoolingGeometry::distinct_counts(bool with_padding) const {
  std::set<int64_t> counts = {1};
  for (const WindowAxis& axis : axes_) {
    std::set<int64_t> along;
    for (int64_t i = 0; i < axis.out; ++i)
      along.insert(with_padding ? axis.padded_count(i) : axis.taps(i).count());
    std::set<int64_t> products;
    for (const int64_t a : counts) {
      for (const int64_t b : along) products.insert(a * b);
    }
    counts = std::move(products);
  }
  return {counts.begin(), counts.end()};
}

}  // namespace deltahop
