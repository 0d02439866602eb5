// SPDX-License-Identifier: Apache-2.0
// Neg: -x. On codes the lowest one has no counterpart of the same width, so the result is a sum that is
// fitted again.
#include "deltahop/network/integer_sums.h"
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

struct NegFunction : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Neg";
  static constexpr bool kTakesIntegers = true;
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return -x;
    else
      return wrapping_subtract<T>(0, x);
  }
};

class Neg final : public Elementwise<NegFunction> {
 public:
  using Elementwise::Elementwise;
  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions&) const override {
    auto sums = wide_codes(inputs[0], inputs[0].fraction_bits);
    if (!sums) return std::nullopt;
    for (int64_t& sum : sums->values<int64_t>()) sum = -sum;
    return Accumulators{std::move(*sums), inputs[0].fraction_bits};
  }
};

}  // namespace

std::vector<LayerKind> describe_neg() { return {{"Neg", "-x", make_kind<Neg>}}; }

}  // namespace deltahop
