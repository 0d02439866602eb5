// SPDX-License-Identifier: Apache-2.0
// Equal: A == B, element by element, as booleans.
#include "deltahop/network/broadcast.h"
#include "deltahop/network/layers/aligned_operand.h"

namespace deltahop {
namespace {

class Equal final : public Layer {
 public:
  explicit Equal(LayerArguments& arguments) : alignment_(arguments.attributes) {
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Equal"; }
  Attributes attributes() const override {
    Attributes attributes;
    alignment_.write(attributes);
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& a = required(inputs, 0, "A");
    const ValueInfo& b = required(inputs, 1, "B");
    require_type(b, "B", {a.type});
    if (!a.shape || !b.shape) return {{DataType::boolean, std::nullopt, nullptr}};
    return {{DataType::boolean, broadcast_shape(*a.shape, alignment_.shape(*a.shape, *b.shape)), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType computed = computing_type(inputs[0]->type());
    const AsType a(*inputs[0], computed), b(*inputs[1], computed);
    const BroadcastLoops loops =
        BroadcastLoops::of({a.get().shape(), alignment_.shape(a.get().shape(), b.get().shape())});
    Tensor output(DataType::boolean, loops.shape);
    dispatch(computed, [&]<class T>() {
      if constexpr (std::is_arithmetic_v<T>) {
        combine(loops, a.get().values<T>().data(), b.get().values<T>().data(), output.values<bool>().data(),
                [](T left, T right) { return left == right; });
      }
    });
    return one(std::move(output));
  }

 private:
  AlignedOperand alignment_;
};

}  // namespace

std::vector<LayerKind> describe_equal() {
  return {{"Equal", "A == B, element by element", make_kind<Equal>}};
}

}  // namespace deltahop
