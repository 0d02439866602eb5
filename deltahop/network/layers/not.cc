// SPDX-License-Identifier: Apache-2.0
// Not: the opposite of each truth value.
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Not final : public Layer {
 public:
  explicit Not(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "Not"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "X");
    require_type(x, "X", {DataType::boolean});
    return {{DataType::boolean, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    Tensor y = *inputs[0];
    for (bool& value : y.values<bool>()) value = !value;
    return one(std::move(y));
  }
};

}  // namespace

std::vector<LayerKind> describe_not() {
  return {{"Not", "the opposite of each truth value", make_kind<Not>}};
}

}  // namespace deltahop
