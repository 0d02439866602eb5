// SPDX-License-Identifier: Apache-2.0
// Reshape and Flatten: the same elements in the same order under another shape.
#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Reshape final : public Layer {
 public:
  explicit Reshape(LayerArguments& arguments) {
    attribute_to_input(arguments, "shape", 1);  // opset 1
    arguments.attributes.integers("consumed_inputs");
    allow_zero_ = arguments.attributes.integer("allowzero", 0) != 0;
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Reshape"; }
  Attributes attributes() const override {
    Attributes attributes;
    if (allow_zero_) attributes.set("allowzero", int64_t{1});
    return attributes;
  }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 2);
    const ValueInfo& data = required(inputs, 0, "data");
    required(inputs, 1, "shape");
    const auto wanted = known_integers(inputs, 1, "shape");
    if (!data.shape || !wanted) return {{data.type, std::nullopt, nullptr}};
    return {{data.type, resolved(*data.shape, *wanted), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Shape shape = *infer(infos_of(inputs))[0].shape;
    return one(inputs[0]->reshaped(std::move(shape)));
  }

 private:
  // 0 copies the dimension of the data (unless allowzero), one -1 takes what is left.
  Shape resolved(const Shape& data, const std::vector<int64_t>& wanted) const {
    Shape shape = wanted;
    std::optional<size_t> open;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] == 0 && !allow_zero_) {
        if (axis >= data.size())
          throw Error("", fmt::format("'shape' copies axis {} of {}, which has none", axis, to_text(data)));
        shape[axis] = data[axis];
      } else if (shape[axis] == -1) {
        if (open) throw Error("", "'shape' holds -1 twice");
        open = axis;
        shape[axis] = 1;
      } else if (shape[axis] < 0) {
        throw Error("", fmt::format("'shape' holds {}", shape[axis]), "-1 stands for what is left");
      }
    }
    const int64_t elements = element_count(data), rest = element_count(shape);
    if (open) {
      if (rest == 0 || elements % rest != 0) throw unfitting(data, wanted);
      shape[*open] = elements / rest;
    }
    if (element_count(shape) != elements) throw unfitting(data, wanted);
    return shape;
  }

  static Error unfitting(const Shape& data, const std::vector<int64_t>& wanted) {
    return Error("", fmt::format("{} cannot be reshaped to {}", to_text(data), to_text(wanted)),
                 "the number of elements differs");
  }

  bool allow_zero_ = false;
};

class Flatten final : public Layer {
 public:
  explicit Flatten(LayerArguments& arguments) {
    axis_ = arguments.attributes.integer("axis", 1);
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Flatten"; }
  Attributes attributes() const override { return {{"axis", axis_}}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& input = required(inputs, 0, "input");
    if (!input.shape) return {{input.type, std::nullopt, nullptr}};
    const Shape& shape = *input.shape;
    // The axis may stand behind the last dimension.
    const size_t axis =
        axis_ == static_cast<int64_t>(shape.size()) ? shape.size() : normalized_axis(axis_, shape.size());
    const auto middle = shape.begin() + static_cast<ptrdiff_t>(axis);
    return {{input.type, Shape{element_count({shape.begin(), middle}), element_count({middle, shape.end()})},
             nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Shape shape = *infer(infos_of(inputs))[0].shape;
    return one(inputs[0]->reshaped(std::move(shape)));
  }

 private:
  int64_t axis_ = 1;
};

}  // namespace

std::vector<LayerKind> describe_reshape() {
  return {{"Reshape", "the same elements under another shape", make_kind<Reshape>},
          {"Flatten", "the same elements as a matrix", make_kind<Flatten>}};
}

}  // namespace deltahop
