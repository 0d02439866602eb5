// SPDX-License-Identifier: Apache-2.0
// What element-by-element layers share: the choice of the number type, wrapping integer arithmetic, and the
// layer of one input as a template over its function.
//   struct AbsFunction : NoAttributes {
//     static constexpr std::string_view kName = "Abs";
//     template <class T> T operator()(T x) const { return x < 0 ? -x : x; }
//   };
#pragma once

#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {

// Calls function.template operator()<T>() with the C++ type of a number type that C++ computes in; half
// precision is to be converted before (computing_type()), booleans are refused.
template <class Function>
void dispatch_number(DataType type, Function&& function) {
  dispatch(type, [&]<class T>() {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      function.template operator()<T>();
    } else {
      throw Error("", fmt::format("the type {} is not supported", name_of(type)),
                  "cast it to a number type first");
    }
  });
}

// Integers wrap around, as they do in ONNX's reference; unsigned 64-bit arithmetic is exact modulo every
// width.
template <class T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}
template <class T>
T wrapping_subtract(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  else
    return a - b;
}
template <class T>
T wrapping_multiply(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}

struct NoAttributes {
  NoAttributes() = default;
  explicit NoAttributes(const Attributes& attributes) {
    attributes.integers("consumed_inputs");  // opset 1: a hint for in-place work, without meaning here
  }
  Attributes attributes() const { return {}; }
  static constexpr bool kKeepsCodes = false;
  static constexpr bool kTakesIntegers = false;
};

// Function reads its attributes in its constructor, gives them back by attributes(), and maps T to T.
template <class Function>
class Elementwise : public Layer {
 public:
  explicit Elementwise(LayerArguments& arguments) : function_(arguments.attributes) {
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return Function::kName; }
  Attributes attributes() const override { return function_.attributes(); }
  bool keeps_codes() const override { return Function::kKeepsCodes; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "X");
    if (!Function::kTakesIntegers) require_type(x, "X", kFloatingTypes);
    return {{x.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    Tensor output = inputs[0]->converted(computing_type(type));
    const auto apply = [&]<class T>() {
      for (T& value : output.values<T>()) value = function_(value);
    };
    if constexpr (Function::kTakesIntegers) {
      dispatch_number(output.type(), apply);
    } else if (output.type() == DataType::float64) {
      apply.template operator()<double>();
    } else {
      apply.template operator()<float>();
    }
    return one(as_type(std::move(output), type));
  }

 private:
  Function function_;
};

template <class Function>
LayerKind elementwise_kind(std::string summary) {
  return {std::string(Function::kName), std::move(summary), make_kind<Elementwise<Function>>};
}

}  // namespace deltahop
