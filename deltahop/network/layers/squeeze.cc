// SPDX-License-Identifier: Apache-2.0
// Squeeze and Unsqueeze: axes of size 1 taken out or put in. The axes are an input (an attribute up to opset
// 12).
#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

// Both differ only in the shape they make.
class AxisLayer : public Layer {
 public:
  explicit AxisLayer(LayerArguments& arguments) {
    attribute_to_input(arguments, "axes", 1);
    arguments.attributes.finish();
  }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 2);
    const ValueInfo& data = required(inputs, 0, "data");
    const bool given = is_present(inputs, 1);
    const auto axes = known_integers(inputs, 1, "axes");
    if (!given) check_without_axes();
    if (!data.shape || !axes) return {{data.type, std::nullopt, nullptr}};
    return {{data.type, changed(*data.shape, given ? &*axes : nullptr), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Shape shape = *infer(infos_of(inputs))[0].shape;
    return one(inputs[0]->reshaped(std::move(shape)));
  }

 private:
  virtual Shape changed(const Shape& shape, const std::vector<int64_t>* axes) const = 0;
  virtual void check_without_axes() const {}
};

class Squeeze final : public AxisLayer {
 public:
  using AxisLayer::AxisLayer;
  std::string_view operator_name() const override { return "Squeeze"; }

 private:
  Shape changed(const Shape& shape, const std::vector<int64_t>* axes) const override {
    std::vector<bool> dropped(shape.size(), false);
    if (axes != nullptr) dropped = marked_axes(*axes, shape.size());
    Shape result;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (axes == nullptr) dropped[axis] = shape[axis] == 1;
      if (dropped[axis] && shape[axis] != 1)
        throw Error("", fmt::format("axis {} of {} is not 1 and cannot be taken out", axis, to_text(shape)));
      if (!dropped[axis]) result.push_back(shape[axis]);
    }
    return result;
  }
};

class Unsqueeze final : public AxisLayer {
 public:
  using AxisLayer::AxisLayer;
  std::string_view operator_name() const override { return "Unsqueeze"; }

 private:
  void check_without_axes() const override { throw Error("", "the input axes is missing"); }
  Shape changed(const Shape& shape, const std::vector<int64_t>* axes) const override {
    const std::vector<bool> added = marked_axes(*axes, shape.size() + axes->size());
    Shape result;
    auto next = shape.begin();
    for (const bool is_new : added) result.push_back(is_new ? 1 : *next++);
    return result;
  }
};

}  // namespace

std::vector<LayerKind> describe_squeeze() {
  return {{"Squeeze", "axes of size 1 taken out", make_kind<Squeeze>},
          {"Unsqueeze", "axes of size 1 put in", make_kind<Unsqueeze>}};
}

}  // namespace deltahop
