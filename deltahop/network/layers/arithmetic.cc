// SPDX-License-Identifier: Apache-2.0
// Add, Sub, Mul, Div of two numbers, shapes stretched as numpy does it. Integers wrap around; division
// truncates. On codes, sums are exact after both operands are brought to the finer scale; products simply add
// their fractions.
#include "deltahop/network/integer_sums.h"
#include "deltahop/network/layers/elementwise.h"
#include "deltahop/network/layers/two_operands.h"

namespace deltahop {
namespace {

struct Add {
  static constexpr std::string_view kName = "Add";
  template <class T>
  T operator()(T a, T b) const {
    return wrapping_add(a, b);
  }
};

struct Sub {
  static constexpr std::string_view kName = "Sub";
  template <class T>
  T operator()(T a, T b) const {
    return wrapping_subtract(a, b);
  }
};

struct Mul {
  static constexpr std::string_view kName = "Mul";
  template <class T>
  T operator()(T a, T b) const {
    return wrapping_multiply(a, b);
  }
};

struct Div {
  static constexpr std::string_view kName = "Div";
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return a / b;
    } else {
      if (b == 0) throw Error("", "an integer is divided by zero");
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return wrapping_subtract<T>(0, a);  // the lowest integer would trap
      }
      return static_cast<T>(a / b);
    }
  }
};

template <class Function>
class Arithmetic final : public TwoOperands {
 public:
  explicit Arithmetic(const LayerArguments& arguments) : TwoOperands(arguments) {}
  std::string_view operator_name() const override { return Function::kName; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    require_type(b, "B", {a.type});
    return {{a.type, stretched(a, b), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type(), computed = computing_type(type);
    const AsType a(*inputs[0], computed), b(*inputs[1], computed);
    const BroadcastLoops loops = loops_of(a.get(), b.get());
    Tensor output(computed, loops.shape);
    dispatch_number(computed, [&]<class T>() {
      combine(loops, a.get().values<T>().data(), b.get().values<T>().data(), output.values<T>().data(),
              Function());
    });
    return one(as_type(std::move(output), type));
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions&) const override {
    if constexpr (std::is_same_v<Function, Div>) return std::nullopt;
    const bool product = std::is_same_v<Function, Mul>;
    const int fraction_bits = product ? inputs[0].fraction_bits + inputs[1].fraction_bits
                                      : std::max(inputs[0].fraction_bits, inputs[1].fraction_bits);
    const auto a = wide_codes(inputs[0], product ? inputs[0].fraction_bits : fraction_bits);
    const auto b = wide_codes(inputs[1], product ? inputs[1].fraction_bits : fraction_bits);
    if (!a || !b || (product && !product_fits(*a, *b))) return std::nullopt;
    const BroadcastLoops loops = loops_of(*a, *b);
    Tensor sums(DataType::int64, loops.shape);
    combine(loops, a->values<int64_t>().data(), b->values<int64_t>().data(), sums.values<int64_t>().data(),
            Function());
    return Accumulators{std::move(sums), fraction_bits};
  }
};

template <class Function>
LayerKind arithmetic_kind(std::string summary) {
  return {std::string(Function::kName), std::move(summary), make_kind<Arithmetic<Function>>};
}

}  // namespace

std::vector<LayerKind> describe_arithmetic() {
  return {
      arithmetic_kind<Add>("A + B, element by element"), arithmetic_kind<Sub>("A - B, element by element"),
      arithmetic_kind<Mul>("A * B, element by element"), arithmetic_kind<Div>("A / B, element by element")};
}

}  // namespace deltahop
