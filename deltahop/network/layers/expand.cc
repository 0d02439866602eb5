// SPDX-License-Identifier: Apache-2.0
// Expand: a tensor stretched to a shape, as numpy broadcasts it.
#include "deltahop/network/broadcast.h"
#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop {
namespace {

class Expand final : public Layer {
 public:
  explicit Expand(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "Expand"; }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& input = required(inputs, 0, "input");
    required(inputs, 1, "shape");
    const auto shape = known_integers(inputs, 1, "shape");
    if (!input.shape || !shape) return {{input.type, std::nullopt, nullptr}};
    element_count(*shape);
    return {{input.type, broadcast_shape(*input.shape, *shape), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const Shape& given = inputs[0]->shape();
    const std::vector<int64_t> strides = strides_of(given);
    std::vector<int64_t> steps(shape.size(), 0);
    for (size_t axis = 0; axis < given.size(); ++axis) {
      if (given[axis] != 1) steps[shape.size() - given.size() + axis] = strides[axis];
    }
    return one(gather_strided(*inputs[0], 0, shape, steps));
  }
};

}  // namespace

std::vector<LayerKind> describe_expand() {
  return {{"Expand", "a tensor stretched to a shape", make_kind<Expand>}};
}

}  // namespace deltahop
