// SPDX-License-Identifier: Apache-2.0
// Constant, in all its spellings, and ConstantOfShape, one value in a shape that an input names.
#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Constant final : public Layer {
 public:
  explicit Constant(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    if (attributes.entries().size() != 1)
      throw Error("", fmt::format("has {} attributes, one value is wanted", attributes.entries().size()));
    if (attributes.has("value")) {
      value_ = *attributes.tensor("value");
    } else if (attributes.has("value_float")) {
      value_ = Tensor::scalar(attributes.number("value_float", 0));
    } else if (attributes.has("value_int")) {
      value_ = Tensor::scalar(attributes.integer("value_int", 0));
    } else if (attributes.has("value_floats")) {
      const std::vector<float> values = attributes.numbers("value_floats");
      value_ = Tensor::of<float>({static_cast<int64_t>(values.size())}, values);
    } else if (attributes.has("value_ints")) {
      const std::vector<int64_t> values = attributes.integers("value_ints");
      value_ = Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
    }
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Constant"; }
  Attributes attributes() const override { return {{"value", value_}}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 0, 0);
    return {{value_.type(), value_.shape(), nullptr}};
  }
  std::vector<Tensor> forward(TensorInputs, const ForwardOptions&) const override { return one(value_); }

 private:
  Tensor value_;
};

class ConstantOfShape final : public Layer {
 public:
  explicit ConstantOfShape(LayerArguments& arguments) : value_(Tensor::of<float>({1}, {0.0f})) {
    if (auto value = arguments.attributes.tensor("value")) value_ = std::move(*value);
    if (value_.size() != 1)
      throw Error("", fmt::format("the attribute 'value' has {} elements, one is wanted", value_.size()));
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "ConstantOfShape"; }
  Attributes attributes() const override { return {{"value", value_}}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    required(inputs, 0, "input");
    auto shape = known_integers(inputs, 0, "input");
    if (shape) element_count(*shape);
    return {{value_.type(), std::move(shape), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Tensor output(value_.type(), *infer(infos_of(inputs))[0].shape);
    dispatch(value_.type(), [&]<class T>() {
      const T value = value_.values<T>()[0];
      for (T& element : output.values<T>()) element = value;
    });
    return one(std::move(output));
  }

 private:
  Tensor value_;
};

}  // namespace

std::vector<LayerKind> describe_constant() {
  return {{"Constant", "a value of the network itself", make_kind<Constant>},
          {"ConstantOfShape", "one value in a shape that an input names", make_kind<ConstantOfShape>}};
}

}  // namespace deltahop
