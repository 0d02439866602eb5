// SPDX-License-Identifier: Apache-2.0
// Relu's relatives that treat negative or small numbers otherwise: LeakyRelu, Elu, Selu, ThresholdedRelu,
// Softplus.
#include <algorithm>

#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

struct LeakyRelu : NoAttributes {
  explicit LeakyRelu(const Attributes& attributes)
      : NoAttributes(attributes), alpha_(attributes.number("alpha", 0.01f)) {}
  static constexpr std::string_view kName = "LeakyRelu";
  Attributes attributes() const { return {{"alpha", alpha_}}; }
  template <class T>
  T operator()(T x) const {
    return x < T{} ? T{alpha_} * x : x;
  }

 private:
  float alpha_;
};

struct Elu : NoAttributes {
  explicit Elu(const Attributes& attributes)
      : NoAttributes(attributes), alpha_(attributes.number("alpha", 1.0f)) {}
  static constexpr std::string_view kName = "Elu";
  Attributes attributes() const { return {{"alpha", alpha_}}; }
  template <class T>
  T operator()(T x) const {
    return x < T{} ? T{alpha_} * std::expm1(x) : x;
  }

 private:
  float alpha_;
};

struct Selu : NoAttributes {
  // Before opset 6 the defaults had fewer digits; files of that age write them out.
  explicit Selu(const Attributes& attributes)
      : NoAttributes(attributes),
        alpha_(attributes.number("alpha", 1.67326319217681884765625f)),
        gamma_(attributes.number("gamma", 1.05070102214813232421875f)) {}
  static constexpr std::string_view kName = "Selu";
  Attributes attributes() const { return {{"alpha", alpha_}, {"gamma", gamma_}}; }
  template <class T>
  T operator()(T x) const {
    return T{gamma_} * (x > T{} ? x : T{alpha_} * std::expm1(x));
  }

 private:
  float alpha_, gamma_;
};

struct ThresholdedRelu : NoAttributes {
  explicit ThresholdedRelu(const Attributes& attributes)
      : NoAttributes(attributes), alpha_(attributes.number("alpha", 1.0f)) {}
  static constexpr std::string_view kName = "ThresholdedRelu";
  Attributes attributes() const { return {{"alpha", alpha_}}; }
  template <class T>
  T operator()(T x) const {
    return x <= T{alpha_} ? T{} : x;
  }

 private:
  float alpha_;
};

struct Softplus : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Softplus";
  template <class T>
  T operator()(T x) const {
    return std::max(x, T{}) + std::log1p(std::exp(-std::fabs(x)));  // log(1 + e^x) without overflow
  }
};

}  // namespace

std::vector<LayerKind> describe_leaky_relu() {
  return {elementwise_kind<LeakyRelu>("x, negative numbers times alpha"),
          elementwise_kind<Elu>("x, below zero alpha * (e^x - 1)"), elementwise_kind<Selu>("gamma times Elu"),
          elementwise_kind<ThresholdedRelu>("x where it is above alpha, else 0"),
          elementwise_kind<Softplus>("log(1 + e^x)")};
}

}  // namespace deltahop
