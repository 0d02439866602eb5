// SPDX-License-Identifier: Apache-2.0
// Elementary functions of one number: Abs, Exp, Log, Sqrt, Reciprocal.
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

struct Abs : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Abs";
  static constexpr bool kTakesIntegers = true;
  template <class T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::fabs(x);
    else
      return x < T{} ? wrapping_subtract<T>(0, x) : x;  // the lowest integer has no counterpart and stays
  }
};

struct Exp : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Exp";
  template <class T>
  T operator()(T x) const {
    return std::exp(x);
  }
};

struct Log : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Log";
  template <class T>
  T operator()(T x) const {
    return std::log(x);
  }
};

struct Sqrt : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Sqrt";
  template <class T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};

struct Reciprocal : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Reciprocal";
  template <class T>
  T operator()(T x) const {
    return T{1} / x;
  }
};

}  // namespace

std::vector<LayerKind> describe_elementary() {
  return {elementwise_kind<Abs>("|x|"), elementwise_kind<Exp>("e to the power of x"),
          elementwise_kind<Log>("natural logarithm of x"), elementwise_kind<Sqrt>("square root of x"),
          elementwise_kind<Reciprocal>("1 / x")};
}

}  // namespace deltahop
