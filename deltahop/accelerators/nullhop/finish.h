// SPDX-License-Identifier: Apache-2.0
// What happens to a finished sum: shifted by the layer's register, rectified, pooled, saturated to a word.
#pragma once

#include <algorithm>

#include "deltahop/accelerators/nullhop/plan.h"

namespace deltahop::nullhop {

struct Finish {
  int shift = 8;
  bool relu = false;
  FixedFormat format;
  Rounding rounding = Rounding::floor, average_rounding = Rounding::floor;
  Overflow overflow = Overflow::saturate;
  bool average = false;

  static Finish of(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
    return {.shift = trace.output_shift(),
            .relu = plan.relu,
            .format = {chip.word_bits, 0, true},
            .rounding = chip.rounding,
            .average_rounding = chip.average_rounding,
            .overflow = chip.overflow,
            .average = plan.chip_pooling && plan.chip_pooling->kind == Pooling::Kind::average};
  }
  int16_t word(int64_t sum) const {
    const int64_t value = fit(shift_rounded(sum, shift, rounding), format, overflow);
    return static_cast<int16_t>(relu ? std::max<int64_t>(value, 0) : value);
  }
  int16_t pooled(int16_t a, int16_t b, int16_t c, int16_t d) const {
    if (!average) return std::max({a, b, c, d});
    return static_cast<int16_t>(divide_rounded(int64_t{a} + b + c + d, 4, average_rounding));
  }
};

// Weights of one pass, [C, R, S, k of the pass]: as the MACs of one controller hold them side by side.
std::vector<int16_t> pass_kernels(const LayerPlan& plan, int64_t pass, std::span<const int16_t> weights);

}  // namespace deltahop::nullhop
