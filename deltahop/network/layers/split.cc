// SPDX-License-Identifier: Apache-2.0
// Split: a tensor cut into pieces along an axis. The sizes are an input (an attribute up to opset 12);
// without them the pieces are equal, and the last is smaller where that does not come out even (opset 18).
#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop {
namespace {

class Split final : public Layer {
 public:
  explicit Split(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    axis_ = attributes.integer("axis", 0);
    pieces_ = arguments.output_count;
    attribute_to_input(arguments, "split", 1);
    const int64_t wanted = attributes.integer("num_outputs", pieces_);
    if (wanted != pieces_)
      throw Error("", fmt::format("'num_outputs' is {}, the node has {} outputs", wanted, pieces_));
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Split"; }
  Attributes attributes() const override { return {{"axis", axis_}}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 2);
    const ValueInfo& input = required(inputs, 0, "input");
    std::vector<ValueInfo> outputs(static_cast<size_t>(pieces_), {input.type, std::nullopt, nullptr});
    const auto given = known_integers(inputs, 1, "split");
    if (!input.shape || !given) return outputs;
    const std::vector<int64_t> sizes = sizes_of(*input.shape, is_present(inputs, 1) ? &*given : nullptr);
    for (size_t i = 0; i < outputs.size(); ++i) {
      outputs[i].shape = input.shape;
      (*outputs[i].shape)[normalized_axis(axis_, input.shape->size())] = sizes[i];
    }
    return outputs;
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const std::vector<ValueInfo> infos = infer(infos_of(inputs));
    const std::vector<int64_t> strides = strides_of(inputs[0]->shape());
    const size_t axis = normalized_axis(axis_, inputs[0]->rank());
    std::vector<Tensor> outputs;
    int64_t start = 0;
    for (const ValueInfo& info : infos) {
      outputs.push_back(gather_strided(*inputs[0], start * strides[axis], *info.shape, strides));
      start += (*info.shape)[axis];
    }
    return outputs;
  }

 private:
  std::vector<int64_t> sizes_of(const Shape& shape, const std::vector<int64_t>* given) const {
    const int64_t total = shape[normalized_axis(axis_, shape.size())];
    std::vector<int64_t> sizes;
    int64_t left = total;
    if (given != nullptr) {
      sizes = *given;
      if (sizes.size() != static_cast<size_t>(pieces_)) {
        throw Error("",
                    fmt::format("'split' names {} sizes, the node has {} outputs", sizes.size(), pieces_));
      }
      for (const int64_t size : sizes) {
        if (size < 0 || size > left)
          throw Error("", fmt::format("the sizes in 'split' do not add up to {}", total));
        left -= size;
      }
      if (left != 0) throw Error("", fmt::format("the sizes in 'split' do not add up to {}", total));
      return sizes;
    }
    const int64_t size = (total + pieces_ - 1) / pieces_;
    for (int64_t i = 0; i < pieces_; ++i) {
      sizes.push_back(std::min(size, left));
      left -= sizes.back();
    }
    return sizes;
  }

  int64_t axis_ = 0;
  int64_t pieces_ = 1;
};

}  // namespace

std::vector<LayerKind> describe_split() {
  return {{"Split", "a tensor cut into pieces along an axis", make_kind<Split>}};
}

}  // namespace deltahop
