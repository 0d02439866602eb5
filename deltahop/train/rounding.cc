// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/rounding.h"

#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct Range {
  double lowest, highest;
};

Range range_of(FixedFormat format, bool symmetric) {
  const auto highest = static_cast<double>(format.highest());
  return {symmetric ? -highest : static_cast<double>(format.lowest()), highest};
}

// The forward value is given; gradients go to the number it was rounded from, where the mask (if any) is set.
class StraightThrough : public torch::autograd::Function<StraightThrough> {
 public:
  static Variable forward(AutogradContext* context, const Variable& values, const Variable& result,
                          const torch::Tensor& inside) {
    context->save_for_backward({inside});
    (void)values;
    return result.detach().clone();
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const torch::Tensor inside = context->get_saved_variables()[0];
    return {inside.numel() > 0 ? gradients[0] * inside : gradients[0], Variable(), Variable()};
  }
};

torch::Tensor through(const torch::Tensor& values, const torch::Tensor& codes, FixedFormat format,
                      const RoundingRule& rule) {
  const Range range = range_of(format, rule.symmetric);
  const torch::Tensor result = codes.clamp(range.lowest, range.highest).mul_(format.step());
  if (!values.requires_grad() || !torch::GradMode::is_enabled()) return result;
  torch::Tensor inside = torch::empty({0}, values.options());
  if (rule.beyond == BeyondRange::stops)
    inside = codes.ge(range.lowest).logical_and_(codes.le(range.highest)).to(values.scalar_type());
  return StraightThrough::apply(values, result, inside);
}

}  // namespace

torch::Tensor round_by(const torch::Tensor& scaled, Rounding rounding) {
  switch (rounding) {
    case Rounding::floor:
      return scaled.floor();
    case Rounding::toward_zero:
      return scaled.trunc();
    case Rounding::half_up:
      return (scaled + 0.5).floor_();
    case Rounding::half_away:
      return (scaled.abs() + 0.5).floor_().mul_(scaled.sign());
    case Rounding::half_even:
      return scaled.round();  // LibTorch rounds ties to even
  }
  check_failed("rounding", __FILE__, __LINE__);
}

torch::Tensor rounded(const torch::Tensor& values, FixedFormat format, const RoundingRule& rule) {
  const torch::Tensor scaled = values.detach() * std::ldexp(1.0, format.fraction_bits);
  return through(values, round_by(scaled, rule.rounding), format, rule);
}

torch::Tensor stochastically_rounded(const torch::Tensor& values, FixedFormat format,
                                     const RoundingRule& rule, std::optional<at::Generator> generator) {
  torch::Tensor scaled = values.detach() * std::ldexp(1.0, format.fraction_bits);
  scaled +=
      torch::empty_like(scaled).uniform_(0, 1, generator ? c10::make_optional(*generator) : c10::nullopt);
  return through(values, scaled.floor_(), format, rule);
}

torch::Tensor pow2_ternary(const torch::Tensor& values, int fraction_bits) {
  const torch::Tensor codes = (values.detach() * std::ldexp(1.0, fraction_bits)).round_().clamp_(-1, 1);
  // 2 bits: codes -1, 0, 1 of a symmetric format.
  return through(values, codes, {2, fraction_bits}, {.symmetric = true});
}

}  // namespace deltahop
