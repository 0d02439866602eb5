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

// Codes to the numbers that they stand for; gradients go to those they were rounded from, where they stop at
// the ends of the range not beyond it. As few passes over memory as may be: this is what rounding costs.
class StraightThrough : public torch::autograd::Function<StraightThrough> {
 public:
  static Variable forward(AutogradContext* context, const Variable&, const torch::Tensor& codes, Range range,
                          double step, bool stops) {
    torch::Tensor held = codes.clamp(range.lowest, range.highest);
    context->save_for_backward({stops ? codes.ne(held) : torch::empty({0}, torch::kBool)});
    return held.mul_(step);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const torch::Tensor beyond = context->get_saved_variables()[0];
    const torch::Tensor& given = gradients[0];
    const torch::Tensor passed =
        beyond.numel() > 0 ? torch::where(beyond, torch::zeros({}, given.options()), given) : given;
    return {passed, Variable(), Variable(), Variable(), Variable()};
  }
};

torch::Tensor through(const torch::Tensor& values, const torch::Tensor& codes, FixedFormat format,
                      const RoundingRule& rule) {
  const Range range = range_of(format, rule.symmetric);
  if (!values.requires_grad() || !torch::GradMode::is_enabled())
    return codes.clamp(range.lowest, range.highest).mul_(format.step());
  return StraightThrough::apply(values, codes, range, format.step(), rule.beyond == BeyondRange::stops);
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
