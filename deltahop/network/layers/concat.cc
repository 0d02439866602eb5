// SPDX-License-Identifier: Apache-2.0
// Concat: tensors one after the other along an axis.
#include <cstring>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

constexpr int kFirstOpsetThatWantsAxis = 4;

class Concat final : public Layer {
 public:
  explicit Concat(LayerArguments& arguments) {
    if (!arguments.attributes.has("axis") && arguments.opset >= kFirstOpsetThatWantsAxis) {
      throw Error("", "the attribute 'axis' is missing");
    }
    axis_ = arguments.attributes.integer("axis", 1);
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Concat"; }
  Attributes attributes() const override { return {{"axis", axis_}}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    const ValueInfo& first = required(inputs, 0, "number 0");
    std::optional<Shape> shape = first.shape;
    for (size_t i = 1; i < inputs.size(); ++i) {
      const std::string name = fmt::format("number {}", i);
      const ValueInfo& info = required(inputs, i, name);
      require_type(info, name, {first.type});
      if (shape && info.shape)
        append(*shape, *info.shape, i);
      else
        shape.reset();
    }
    if (shape) normalized_axis(axis_, shape->size());
    return {{first.type, shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Tensor output(inputs[0]->type(), *infer(infos_of(inputs))[0].shape);
    const size_t axis = normalized_axis(axis_, output.rank());
    // Each input is as many blocks as the axes before `axis` have elements.
    int64_t blocks = 1;
    for (size_t before = 0; before < axis; ++before) blocks *= output.dim(before);
    if (output.size() == 0) return one(std::move(output));
    const size_t stride = output.bytes().size() / static_cast<size_t>(blocks);
    std::byte* to = output.bytes().data();
    for (const Tensor* input : inputs) {
      const size_t block = input->bytes().size() / static_cast<size_t>(blocks);
      for (size_t b = 0; b < static_cast<size_t>(blocks) && block > 0; ++b) {
        std::memcpy(to + b * stride, input->bytes().data() + b * block, block);
      }
      to += block;
    }
    return one(std::move(output));
  }

 private:
  void append(Shape& shape, const Shape& next, size_t number) const {
    const auto fail = [&] {
      throw Error("", fmt::format("input {} of shape {} does not continue {} along axis {}", number,
                                  to_text(next), to_text(shape), axis_));
    };
    if (next.size() != shape.size()) fail();
    const size_t axis = normalized_axis(axis_, shape.size());
    for (size_t other = 0; other < shape.size(); ++other) {
      if (other != axis && next[other] != shape[other]) fail();
    }
    if (next[axis] > element_limit() - shape[axis]) fail();
    shape[axis] += next[axis];
  }
  static constexpr int64_t element_limit() { return int64_t{1} << 40; }

  int64_t axis_ = 0;
};

}  // namespace

std::vector<LayerKind> describe_concat() {
  return {{"Concat", "tensors one after the other along an axis", make_kind<Concat>}};
}

}  // namespace deltahop
