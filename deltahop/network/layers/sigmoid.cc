// SPDX-License-Identifier: Apache-2.0
// The S-shaped functions and what hardware uses in their place: Sigmoid, Tanh, HardSigmoid, HardSwish,
// Softsign.
#include <algorithm>

#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

struct Sigmoid : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Sigmoid";
  template <class T>
  T operator()(T x) const {
    return T{1} / (T{1} + std::exp(-x));  // exp may be infinite: the quotient is then 0, as it should be
  }
};

struct Tanh : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Tanh";
  template <class T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};

struct HardSigmoid : NoAttributes {
  explicit HardSigmoid(const Attributes& attributes)
      : NoAttributes(attributes),
        alpha_(attributes.number("alpha", 0.2f)),
        beta_(attributes.number("beta", 0.5f)) {}
  static constexpr std::string_view kName = "HardSigmoid";
  Attributes attributes() const { return {{"alpha", alpha_}, {"beta", beta_}}; }
  template <class T>
  T operator()(T x) const {
    return std::clamp(T{alpha_} * x + T{beta_}, T{0}, T{1});
  }

 private:
  float alpha_, beta_;
};

struct HardSwish : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "HardSwish";
  template <class T>
  T operator()(T x) const {
    return x * std::clamp(x / T{6} + T(0.5), T{0}, T{1});
  }
};

struct Softsign : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Softsign";
  template <class T>
  T operator()(T x) const {
    return x / (T{1} + std::fabs(x));
  }
};

}  // namespace

std::vector<LayerKind> describe_sigmoid() {
  return {elementwise_kind<Sigmoid>("1 / (1 + exp(-x))"), elementwise_kind<Tanh>("hyperbolic tangent of x"),
          elementwise_kind<HardSigmoid>("alpha * x + beta between 0 and 1"),
          elementwise_kind<HardSwish>("x * HardSigmoid(x) with alpha 1/6 and beta 1/2"),
          elementwise_kind<Softsign>("x / (1 + |x|)")};
}

}  // namespace deltahop
