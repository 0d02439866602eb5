// SPDX-License-Identifier: Apache-2.0
// Transpose: the axes in another order; without one, back to front.
#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop {
namespace {

class Transpose final : public Layer {
 public:
  explicit Transpose(LayerArguments& arguments) {
    if (arguments.attributes.has("perm")) order_ = arguments.attributes.integers("perm");
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Transpose"; }
  Attributes attributes() const override {
    Attributes attributes;
    if (order_) attributes.set("perm", *order_);
    return attributes;
  }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& data = required(inputs, 0, "data");
    if (!data.shape) return {{data.type, std::nullopt, nullptr}};
    Shape shape;
    for (const size_t axis : order(data.shape->size())) shape.push_back((*data.shape)[axis]);
    return {{data.type, shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const std::vector<int64_t> strides = strides_of(inputs[0]->shape());
    std::vector<int64_t> steps;
    for (const size_t axis : order(shape.size())) steps.push_back(strides[axis]);
    return one(gather_strided(*inputs[0], 0, shape, steps));
  }

 private:
  std::vector<size_t> order(size_t rank) const {
    std::vector<size_t> result;
    if (!order_) {
      for (size_t axis = rank; axis-- > 0;) result.push_back(axis);
      return result;
    }
    if (order_->size() != rank)
      throw Error("", fmt::format("'perm' names {} axes, the data has {}", order_->size(), rank));
    marked_axes(*order_, rank);
    for (const int64_t axis : *order_) result.push_back(normalized_axis(axis, rank));
    return result;
  }

  std::optional<std::vector<int64_t>> order_;
};

}  // namespace

std::vector<LayerKind> describe_transpose() {
  return {{"Transpose", "the axes in another order", make_kind<Transpose>}};
}

}  // namespace deltahop
