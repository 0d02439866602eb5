// SPDX-License-Identifier: Apache-2.0
// Dropout at inference: the input itself, and a mask that keeps everything where one is asked for.
#include <algorithm>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

constexpr size_t kRatio = 1, kTrainingMode = 2;
constexpr int kFirstOpsetWithBooleanMask = 10;

class Dropout final : public Layer {
 public:
  explicit Dropout(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    mask_is_boolean_ = arguments.opset >= kFirstOpsetWithBooleanMask;
    wants_mask_ = arguments.output_count > 1;
    attributes.integers("consumed_inputs");  // opset 1
    attributes.integer("is_test", 1);        // opsets 1 and 6: a network that is run here is never trained
    attributes.integer("seed", 0);
    if (attributes.has("ratio")) {  // up to opset 11
      add_constant_input(arguments, kRatio, Tensor::scalar(attributes.number("ratio", 0.5f)), "ratio");
    }
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Dropout"; }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return !wants_mask_; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 3);
    const ValueInfo& data = required(inputs, 0, "data");
    const ValueInfo* training = optional_info(inputs, kTrainingMode);
    if (training != nullptr) {
      require_type(*training, "training_mode", {DataType::boolean});
      if (training->constant != nullptr && count_nonzero(*training->constant) != 0) {
        throw Error("", "'training_mode' is set: training is not done here",
                    "export the network for inference");
      }
    }
    std::vector<ValueInfo> outputs = {{data.type, data.shape, nullptr}};
    if (wants_mask_)
      outputs.push_back({mask_is_boolean_ ? DataType::boolean : data.type, data.shape, nullptr});
    return outputs;
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const std::vector<ValueInfo> infos = infer(infos_of(inputs));
    std::vector<Tensor> outputs = one(*inputs[0]);
    if (wants_mask_) {
      Tensor mask(DataType::boolean, inputs[0]->shape());
      std::fill(mask.values<bool>().begin(), mask.values<bool>().end(), true);
      outputs.push_back(as_type(std::move(mask), infos[1].type));
    }
    return outputs;
  }

 private:
  bool mask_is_boolean_ = true;
  bool wants_mask_ = false;
};

}  // namespace

std::vector<LayerKind> describe_dropout() {
  return {{"Dropout", "the input itself: nothing is dropped at inference", make_kind<Dropout>}};
}

}  // namespace deltahop
