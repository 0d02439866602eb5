// SPDX-License-Identifier: Apache-2.0
// Pow: X to the power of Y, element by element; the types of X and Y may differ and the result has that of X.
#include "deltahop/network/layers/elementwise.h"
#include "deltahop/network/layers/two_operands.h"

namespace deltahop {
namespace {

// By repeated squaring, wrapping around; a negative exponent leaves nothing but +-1.
template <class T>
T integer_power(T base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Error("", "zero is raised to a negative integer power");
    if (base == T{1}) return 1;
    if constexpr (std::is_signed_v<T>) {
      if (base == T{-1}) return static_cast<T>(exponent % 2 == 0 ? 1 : -1);
    }
    return 0;
  }
  T result = 1;
  for (T factor = base; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = wrapping_multiply(result, factor);
    factor = wrapping_multiply(factor, factor);
  }
  return result;
}

class Pow final : public TwoOperands {
 public:
  explicit Pow(const LayerArguments& arguments) : TwoOperands(arguments) {}
  std::string_view operator_name() const override { return "Pow"; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& x = required(inputs, 0, "X");
    const ValueInfo& y = required(inputs, 1, "Y");
    return {{x.type, stretched(x, y), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    const bool integers = !is_floating(type) && !is_floating(inputs[1]->type());
    // A whole exponent within int64 is exact in this width; all others are taken as floating-point numbers.
    const DataType computed = computing_type(type);
    const DataType exponent_type = integers                        ? DataType::int64
                                   : computed == DataType::float32 ? DataType::float32
                                                                   : DataType::float64;
    const AsType x(*inputs[0], computed), y(*inputs[1], exponent_type);
    const BroadcastLoops loops = loops_of(x.get(), y.get());
    Tensor output(computed, loops.shape);
    dispatch_number(computed, [&]<class T>() {
      const T* base = x.get().values<T>().data();
      T* result = output.values<T>().data();
      if constexpr (std::is_floating_point_v<T>) {
        const T* exponent = y.get().values<T>().data();
        const bool square = y.get().size() == 1 && *exponent == T{2};
        combine(loops, base, exponent, result,
                [square](T b, T e) { return square ? b * b : std::pow(b, e); });
      } else if (integers) {
        combine(loops, base, y.get().values<int64_t>().data(), result, integer_power<T>);
      } else {
        Tensor wide(DataType::float64, loops.shape);
        combine(loops, base, y.get().values<double>().data(), wide.values<double>().data(),
                [](T b, double e) { return std::pow(static_cast<double>(b), e); });
        output = wide.converted(computed);
      }
    });
    return one(as_type(std::move(output), type));
  }
};

}  // namespace

std::vector<LayerKind> describe_pow() {
  return {{"Pow", "X to the power of Y, element by element", make_kind<Pow>}};
}

}  // namespace deltahop
