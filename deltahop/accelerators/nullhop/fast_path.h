// SPDX-License-Identifier: Apache-2.0
// NullHop's counts in closed form: non-zero pixels are counted once, and each step of the sweep (a column of
// a stripe) adds a few maxima. Equal to the ticking model in every field; a test over many random layers
// holds them together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/accelerators/nullhop/account.h"

namespace deltahop::nullhop {

// Non-zero pixels of one group's image for each controller, row and column.
struct PixelCounts {
  int64_t controllers = 1, rows = 0, columns = 0;
  std::vector<int32_t> nonzeros;       // [controller, row, column]
  std::vector<int32_t> column_totals;  // [row, column], all controllers
  std::vector<int64_t> row_totals;

  const int32_t* row(int64_t controller, int64_t row_index) const {
    return nonzeros.data() + (controller * rows + row_index) * columns;
  }
};
PixelCounts count_pixels(const LayerPlan& plan, std::span<const int16_t> image);

PassEvents fast_pass(const NullhopConfig& chip, const LayerPlan& plan, int64_t pass,
                     const PixelCounts& pixels, const InputStream& stream, const OutputCounts& output);

}  // namespace deltahop::nullhop
