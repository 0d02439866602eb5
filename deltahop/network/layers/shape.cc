// SPDX-License-Identifier: Apache-2.0
// Shape: the dimensions of a tensor, from `start` to `end` (opset 15), as numbers.
#include <algorithm>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class ShapeLayer final : public Layer {
 public:
  explicit ShapeLayer(LayerArguments& arguments) {
    start_ = arguments.attributes.integer("start", 0);
    if (arguments.attributes.has("end")) end_ = arguments.attributes.integer("end", 0);
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Shape"; }
  Attributes attributes() const override {
    Attributes attributes;
    if (start_ != 0) attributes.set("start", start_);
    if (end_) attributes.set("end", *end_);
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& data = required(inputs, 0, "data");
    if (!data.shape) return {{DataType::int64, std::nullopt, nullptr}};
    return {{DataType::int64, Shape{static_cast<int64_t>(dimensions(*data.shape).size())}, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const std::vector<int64_t> result = dimensions(inputs[0]->shape());
    return one(Tensor::of<int64_t>({static_cast<int64_t>(result.size())}, result));
  }

 private:
  std::vector<int64_t> dimensions(const Shape& shape) const {
    const int64_t rank = static_cast<int64_t>(shape.size());
    const auto inside = [rank](int64_t position) {
      return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
    };
    const int64_t begin = inside(start_), stop = std::max(begin, inside(end_.value_or(rank)));
    return {shape.begin() + begin, shape.begin() + stop};
  }

  int64_t start_ = 0;
  std::optional<int64_t> end_;
};

}  // namespace

std::vector<LayerKind> describe_shape() {
  return {{"Shape", "the dimensions of a tensor as numbers", make_kind<ShapeLayer>}};
}

}  // namespace deltahop
