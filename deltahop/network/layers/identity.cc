// SPDX-License-Identifier: Apache-2.0
// Identity: the input itself.
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Identity final : public Layer {
 public:
  explicit Identity(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "Identity"; }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return true; }
  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& input = required(inputs, 0, "input");
    return {{input.type, input.shape, nullptr}};
  }
  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    return one(*inputs[0]);
  }
};

}  // namespace

std::vector<LayerKind> describe_identity() { return {{"Identity", "the input itself", make_kind<Identity>}}; }

}  // namespace deltahop
