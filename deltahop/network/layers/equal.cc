// SPDX-License-Identifier: Apache-2.0
// Equal: A == B, element by element, as booleans.
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/layers/two_operands.h"

namespace deltahop {
namespace {

class Equal final : public TwoOperands {
 public:
  explicit Equal(const LayerArguments& arguments) : TwoOperands(arguments) {}
  std::string_view operator_name() const override { return "Equal"; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    require_type(b, "B", {a.type});
    return {{DataType::boolean, stretched(a, b), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType computed = computing_type(inputs[0]->type());
    const AsType a(*inputs[0], computed), b(*inputs[1], computed);
    const BroadcastLoops loops = loops_of(a.get(), b.get());
    Tensor output(DataType::boolean, loops.shape);
    dispatch(computed, [&]<class T>() {
      if constexpr (std::is_arithmetic_v<T>) {
        combine(loops, a.get().values<T>().data(), b.get().values<T>().data(), output.values<bool>().data(),
                [](T left, T right) { return left == right; });
      }
    });
    return one(std::move(output));
  }
};

}  // namespace

std::vector<LayerKind> describe_equal() {
  return {{"Equal", "A == B, element by element", make_kind<Equal>}};
}

}  // namespace deltahop
