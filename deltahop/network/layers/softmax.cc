// SPDX-License-Identifier: Apache-2.0
// Softmax and LogSoftmax along one axis. Before opset 13 the input was taken as a matrix: all dimensions from
// `axis` on were normalised together. Where that is not the same as one axis the layer carries the attribute
// "flatten", which ONNX does not have.
#include <algorithm>
#include <cmath>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

template <class T>
void normalize_slice(T* values, int64_t count, int64_t step, bool logarithm) {
  T largest = values[0];
  for (int64_t i = 1; i < count; ++i) largest = std::max(largest, values[i * step]);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    T& value = values[i * step];
    value -= largest;
    if (logarithm) {
      sum += static_cast<double>(std::exp(value));
    } else {
      value = std::exp(value);
      sum += static_cast<double>(value);
    }
  }
  const T shift = static_cast<T>(std::log(sum)), factor = static_cast<T>(1 / sum);
  for (int64_t i = 0; i < count; ++i) {
    if (logarithm)
      values[i * step] -= shift;
    else
      values[i * step] *= factor;
  }
}

class Softmax final : public Layer {
 public:
  explicit Softmax(LayerArguments& arguments)
      : name_(arguments.operator_name), logarithm_(name_ == "LogSoftmax") {
    const bool old = arguments.opset < 13;
    axis_ = arguments.attributes.integer("axis", old ? 1 : -1);
    flatten_ = arguments.attributes.integer("flatten", old ? 1 : 0) != 0 && axis_ != -1;
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return name_; }
  Attributes attributes() const override {
    Attributes attributes{{"axis", axis_}};
    if (flatten_) attributes.set("flatten", int64_t{1});
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "the only one");
    require_type(x, "X", kFloatingTypes);
    if (x.shape) axis_of(x.shape->size());
    return {{x.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    Tensor y = inputs[0]->converted(computing_type(type));
    if (y.size() == 0) return one(as_type(std::move(y), type));
    const size_t axis = axis_of(y.rank());
    int64_t count = 1, inner = 1;
    for (size_t i = axis; i < y.rank(); ++i) (i == axis || flatten_ ? count : inner) *= y.dim(i);
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) {
        for (int64_t outer = 0; outer < y.size() / (count * inner); ++outer) {
          T* slice = y.values<T>().data() + outer * count * inner;
          for (int64_t i = 0; i < inner; ++i) normalize_slice(slice + i, count, inner, logarithm_);
        }
      }
    });
    return one(as_type(std::move(y), type));
  }

 private:
  // A matrix may have no columns of its own: flattening at the rank normalises single elements.
  size_t axis_of(size_t rank) const {
    if (rank == 0 && (axis_ == 0 || axis_ == -1)) return 0;
    if (flatten_ && axis_ == static_cast<int64_t>(rank)) return rank;
    return normalized_axis(axis_, rank);
  }

  std::string name_;
  bool logarithm_ = false, flatten_ = false;
  int64_t axis_ = -1;
};

}  // namespace

std::vector<LayerKind> describe_softmax() {
  return {{"Softmax", "exponentials that add up to one along an axis", make_kind<Softmax>},
          {"LogSoftmax", "logarithm of Softmax", make_kind<Softmax>}};
}

}  // namespace deltahop
