// SPDX-License-Identifier: Apache-2.0
// PRelu: x, negative numbers times a learnt slope that is stretched to the shape of x.
#include "deltahop/network/layers/elementwise.h"
#include "deltahop/network/layers/two_operands.h"

namespace deltahop {
namespace {

constexpr int kFirstBroadcastingOpset = 7;

class PRelu final : public TwoOperands {
 public:
  explicit PRelu(const LayerArguments& arguments) : TwoOperands(slope_alignment(arguments)) {
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "PRelu"; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& x = required(inputs, 0, "X");
    const ValueInfo& slope = required(inputs, 1, "slope");
    require_type(slope, "slope", {x.type});
    const std::optional<Shape> shape = stretched(x, slope);
    if (shape && shape != x.shape) {
      throw Error("", fmt::format("the slope {} does not broadcast to X {}", to_text(*slope.shape),
                                  to_text(*x.shape)));
    }
    return {{x.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type(), computed = computing_type(type);
    const AsType x(*inputs[0], computed), slope(*inputs[1], computed);
    const BroadcastLoops loops = loops_of(x.get(), slope.get());
    Tensor output(computed, loops.shape);
    dispatch_number(computed, [&]<class T>() {
      combine(loops, x.get().values<T>().data(), slope.get().values<T>().data(), output.values<T>().data(),
              [](T value, T factor) { return value < T{} ? wrapping_multiply(value, factor) : value; });
    });
    return one(as_type(std::move(output), type));
  }

 private:
  static AlignedOperand slope_alignment(const LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    attributes.integers("consumed_inputs");  // opset 1: a hint for in-place work, without meaning here
    if (arguments.opset < kFirstBroadcastingOpset) return AlignedOperand(int64_t{1});  // one slope a channel
    const bool written_by_us = attributes.has("axis");
    return written_by_us ? AlignedOperand(attributes) : AlignedOperand();
  }
};

}  // namespace

std::vector<LayerKind> describe_prelu() {
  return {{"PRelu", "x, negative numbers times a learnt slope", make_kind<PRelu>}};
}

}  // namespace deltahop
