// SPDX-License-Identifier: Apache-2.0
// Weights and biases of an integer model, rounded once before anything runs.
#pragma once

#include "deltahop/network/integer_model.h"
#include "deltahop/network/stage.h"

namespace deltahop {

// Floats to the nearest codes, ties to even: as quantized(values, format, Rounding::half_even, clipped), but
// fast enough for a hundred million weights.
Tensor nearest_codes(const Tensor& values, FixedFormat format, int threads, int64_t* clipped);

// A stage whose first node is one convolution of 16-bit codes, whatever operator says it.
struct WeightedStage {
  Tensor weights;  // int16 [K, C/groups, R, S]; Gemm and MatMul: [K, C, 1, 1]
  FixedFormat weight_format;
  Tensor bias;  // int64 [K] at the scale of the sums; empty where there is none
  bool has_bias() const { return bias.size() > 0; }
};

// A constant bias at the scale of sums with `fraction_bits`, ties to even; a single number is repeated
// `channels` times where that is not 0.
Tensor bias_codes(const Tensor& bias, int fraction_bits, int64_t channels);

// Absent where the stage's first node is no weighted sum (is_weighted_sum).
std::optional<WeightedStage> prepare_weights(const IntegerModel& model, const Stage& stage, int threads,
                                             int64_t* clipped);

}  // namespace deltahop
