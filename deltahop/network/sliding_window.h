// SPDX-License-Identifier: Apache-2.0
// A window that slides over the spatial axes of [N, C, ...]: the attributes that convolutions and pooling
// share (kernel_shape, strides, dilations, pads, auto_pad, ceil_mode), and what they mean for an input of a
// given size.
//   const SlidingWindow window = SlidingWindow::read(attributes);
//   for (const WindowAxis& axis : window.axes(spatial_shape, kernel)) ... axis.out ...
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "deltahop/network/attributes.h"

namespace deltahop {

// One spatial axis, everything known. Window i reads positions i * stride + j * dilation - pad_begin, j in
// [0, kernel).
struct WindowAxis {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0, out = 1;

  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t start(int64_t i) const { return i * stride - pad_begin; }
  // The taps [begin, end) of window i that fall into the input.
  struct Taps {
    int64_t begin = 0, end = 0;
    int64_t count() const { return end - begin; }
  };
  Taps taps(int64_t i) const;
  // How many taps of window i fall into the input or its declared padding (a window rounded up may reach
  // beyond both).
  int64_t padded_count(int64_t i) const;
};

struct SlidingWindow {
  std::vector<int64_t> kernel_shape;              // empty: that of the weights
  std::vector<int64_t> strides, dilations, pads;  // empty: ones, ones, zeros; pads: all begins, then all ends
  std::string auto_pad = "NOTSET";
  bool ceil_mode = false;  // the last window may start in the input and reach beyond the padding

  // Reads all but ceil_mode, which only pooling has. Throws Error on values that make no sense or are beyond
  // every use (2^24).
  static SlidingWindow read(const Attributes& attributes);
  // The attributes that read() would turn into this again.
  void write(Attributes& attributes) const;

  // One axis a spatial dimension. Throws Error where the number of attributes does not fit the input's
  // dimensions or the kernel is larger than the padded input.
  std::vector<WindowAxis> axes(std::span<const int64_t> in, std::span<const int64_t> kernel) const;
};

// Sizes of the output along the axes.
std::vector<int64_t> out_sizes(const std::vector<WindowAxis>& axes);
// The dimensions behind batch and channels.
std::span<const int64_t> spatial(const std::vector<int64_t>& shape);

}  // namespace deltahop
