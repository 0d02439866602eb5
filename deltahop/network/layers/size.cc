// SPDX-License-Identifier: Apache-2.0
// Size: how many elements a tensor has, as a number.
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Size final : public Layer {
 public:
  explicit Size(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "Size"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    required(inputs, 0, "data");
    return {{DataType::int64, Shape{}, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    return one(Tensor::scalar<int64_t>(inputs[0]->size()));
  }
};

}  // namespace

std::vector<LayerKind> describe_size() {
  return {{"Size", "how many elements a tensor has", make_kind<Size>}};
}

}  // namespace deltahop
