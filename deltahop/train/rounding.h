// SPDX-License-Identifier: Apache-2.0
// Dual-copy rounding [Stromatias2015]: the forward and backward pass use a number's rounded copy, what is
// learned is the number itself. Each function rounds in the forward pass and hands the gradient through as
// its comment says.
//   torch::Tensor weight = rounded(master, {16, 8}, {.rounding = Rounding::half_even});
#pragma once

#include <optional>

#include "deltahop/tensor/fixed_point.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// What a number beyond the format's range gets as its gradient: that of the clipping (nothing), or the
// identity, with which an out-of-range weight can still come back.
enum class BeyondRange : uint8_t { stops, passes };

struct RoundingRule {
  Rounding rounding = Rounding::half_even;
  bool symmetric = false;  // the lowest code stays unused, as in the GRU's weights
  BeyondRange beyond = BeyondRange::passes;
};

// To the nearest code by the rule, saturating. Gradient: identity inside the range; beyond it as the rule
// says.
torch::Tensor rounded(const torch::Tensor& values, FixedFormat format, const RoundingRule& rule = {});

// To one of the two neighbours, with a probability that makes the mean the number itself: floor(x * 2^n + u)
// with u uniform in [0, 1). Gradient as above. Without a generator LibTorch's own is used.
torch::Tensor stochastically_rounded(const torch::Tensor& values, FixedFormat format,
                                     const RoundingRule& rule = {},
                                     std::optional<at::Generator> generator = std::nullopt);

// Pow2-ternarisation [Ott2016]: one code on either side of zero, {-2^-n, 0, 2^-n}. Q1.1 gives {-0.5, 0, 0.5}.
// Gradient: identity.
torch::Tensor pow2_ternary(const torch::Tensor& values, int fraction_bits);

// Without gradients: the codes' values by the integer executor's rounding of exact sums; values are any
// doubles.
torch::Tensor round_by(const torch::Tensor& scaled, Rounding rounding);

}  // namespace deltahop
