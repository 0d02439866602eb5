// SPDX-License-Identifier: Apache-2.0
// A row-stationary mapping: the seven numbers of [Chen2017] table III, what they ask of the chip, and where
// the sets of processing elements then lie on the array.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop::eyeriss {

// The array and what bounds a mapping on it.
struct Array {
  int64_t rows = 12, columns = 14;
  int64_t filter_words = 224, input_words = 12, sum_words = 24;  // scratchpads of an element
  int64_t banks = 25, bank_words = 2048;                         // of the buffer, for inputs and sums
  int64_t filter_buffer_words = 4096;
  int64_t pass_channels = 1024;  // no bound of the chip: for what if
  int64_t elements() const { return rows * columns; }
};

// One group of a convolution over a batch, as the chip sees it: padding is part of the picture.
struct LayerShape {
  int64_t pictures = 1, groups = 1;
  int64_t channels = 1, filters = 1;  // C, M of one group
  int64_t kernel_rows = 1, kernel_columns = 1;
  int64_t out_rows = 1, out_columns = 1;  // E, F
  int64_t stride_rows = 1, stride_columns = 1;

  int64_t columns() const { return (out_columns - 1) * stride_columns + kernel_columns; }  // of the picture
  int64_t rows_under(int64_t outputs) const { return (outputs - 1) * stride_rows + kernel_rows; }
  // Of those, the rows that a kernel row ever meets: a stride beyond the kernel leaves some out.
  int64_t rows_used(int64_t outputs) const {
    return stride_rows < kernel_rows ? rows_under(outputs) : outputs * kernel_rows;
  }
  int64_t macs() const {
    return pictures * groups * filters * channels * kernel_rows * kernel_columns * out_rows * out_columns;
  }
};
LayerShape layer_shape(const ConvolutionShape& shape, int64_t pictures);

struct Mapping {
  int64_t m = 1;  // filters whose sums are in the buffer
  int64_t n = 1;  // pictures of a pass
  int64_t e = 1;  // output rows of a set: its columns of elements
  int64_t p = 1;  // filters of an element
  int64_t q = 1;  // channels of an element
  int64_t r = 1;  // sets that work on different channels, one above the other: their sums are added
  int64_t t = 1;  // sets that work on different filters

  int64_t pass_filters() const { return p * t; }
  int64_t pass_channels() const { return q * r; }
  friend auto operator<=>(const Mapping&, const Mapping&) = default;
};

int64_t input_words(const LayerShape& layer, const Mapping& mapping);  // in the buffer
int64_t sum_words(const LayerShape& layer, const Mapping& mapping);
int64_t filter_words(const LayerShape& layer, const Mapping& mapping);  // of a pass
int64_t active_elements(const LayerShape& layer, const Mapping& mapping);
int64_t passes(const LayerShape& layer, const Mapping& mapping);  // all groups and pictures

bool fits(const Array& array, const LayerShape& layer, const Mapping& mapping);
// "" where the mapping fits the chip; else the first bound that it breaks ("p q S = 240 exceeds the 224 words
// of the filter scratchpad").
std::string misfit(const Array& array, const LayerShape& layer, const Mapping& mapping);

// How r by t sets of kernel_rows x e elements lie on the array. A set wider than the array is folded: its
// pieces lie one above the other. Sets whose sums are added stand in one column of sets.
struct SetPlacement {
  int64_t kernel_rows = 1, e = 1, r = 1;
  int64_t pieces = 1;       // of a folded set
  int64_t slots_down = 0;   // pieces that fit one above the other
  int64_t sets_beside = 1;  // sets side by side
  int64_t array_columns = 14;

  static SetPlacement of(const Array& array, int64_t kernel_rows, const Mapping& mapping);
  int64_t most_filter_sets() const;  // the largest t
  struct Place {
    int64_t row = 0, column = 0;
  };
  // Element (kernel row i, output row j of the strip) of the set for channels k < r and filters l < t.
  Place place(int64_t k, int64_t l, int64_t i, int64_t j) const;
};

std::string to_text(const Mapping& mapping);  // "m 64, n 4, e 13, p 16, q 3, r 2, t 2"

}  // namespace deltahop::eyeriss
