// SPDX-License-Identifier: Apache-2.0
// The loop bounds of one two-dimensional convolution, as every kernel takes them. A fully connected layer is
// the convolution whose kernel covers its whole input; a one-dimensional one has one row.
#pragma once

#include <cstdint>

namespace deltahop {

struct ConvolutionShape {
  int64_t batch = 1;  // N
  int64_t groups = 1;
  int64_t out_channels = 1, in_channels = 1;  // K, C: of all groups together
  int64_t in_rows = 1, in_columns = 1;
  int64_t out_rows = 1, out_columns = 1;        // P, Q
  int64_t kernel_rows = 1, kernel_columns = 1;  // R, S
  int64_t stride_rows = 1, stride_columns = 1;
  int64_t dilation_rows = 1, dilation_columns = 1;
  int64_t pad_top = 0, pad_left = 0;  // bottom and right follow from the other bounds

  int64_t in_channels_per_group() const { return in_channels / groups; }
  int64_t out_channels_per_group() const { return out_channels / groups; }
  int64_t kernel_size() const { return in_channels_per_group() * kernel_rows * kernel_columns; }
  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};

}  // namespace deltahop
