// SPDX-License-Identifier: Apache-2.0
// Relu: max(x, 0), element by element.
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

struct Relu : NoAttributes {
  using NoAttributes::NoAttributes;
  static constexpr std::string_view kName = "Relu";
  static constexpr bool kKeepsCodes = true;
  static constexpr bool kTakesIntegers = true;
  template <class T>
  T operator()(T x) const {
    return x < T{} ? T{} : x;  // NaN stays NaN
  }
};

}  // namespace

std::vector<LayerKind> describe_relu() { return {elementwise_kind<Relu>("max(x, 0)")}; }

}  // namespace deltahop
