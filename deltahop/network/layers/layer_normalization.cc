// SPDX-License-Identifier: Apache-2.0
// LayerNormalization: every slice from `axis` on gets mean 0 and variance 1, then scale and bias. Mean and
// the inverse standard deviation are the second and third output.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

// Scale or bias spread over the normalised dimensions; leading dimensions of 1 may be missing or present.
std::vector<double> spread(const Tensor& parameter, const Shape& normalized) {
  const Tensor wide = parameter.converted(DataType::float64);
  Shape shape = parameter.shape();
  while (shape.size() > normalized.size() && shape.front() == 1) shape.erase(shape.begin());
  while (shape.size() < normalized.size()) shape.insert(shape.begin(), 1);
  const auto strides = strides_of(shape), steps = strides_of(normalized);
  std::vector<double> result(static_cast<size_t>(element_count(normalized)));
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t at = 0;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] != 1) at += static_cast<int64_t>(i) / steps[axis] % normalized[axis] * strides[axis];
    }
    result[i] = wide.values<double>()[static_cast<size_t>(at)];
  }
  return result;
}

void require_spreads(const ValueInfo* parameter, std::string_view name, const Shape& normalized) {
  if (parameter == nullptr || !parameter->shape) return;
  const Shape& shape = *parameter->shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t own = shape[shape.size() - 1 - i];
    const int64_t wanted = i < normalized.size() ? normalized[normalized.size() - 1 - i] : 1;
    if (own != 1 && own != wanted) {
      throw Error("", fmt::format("{} {} does not broadcast to the normalised dimensions {}", name,
                                  to_text(shape), to_text(normalized)));
    }
  }
}

class LayerNormalization final : public Layer {
 public:
  explicit LayerNormalization(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    axis_ = attributes.integer("axis", -1);
    epsilon_ = attributes.number("epsilon", 1e-5f);
    stash_type_ = attributes.integer("stash_type", 1);
    attributes.finish();
    if (stash_type_ != 1)
      throw Error("", fmt::format("stash_type {} is not supported", stash_type_), "only 1 (float32) is");
  }
  std::string_view operator_name() const override { return "LayerNormalization"; }
  Attributes attributes() const override { return {{"axis", axis_}, {"epsilon", epsilon_}}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& x = required(inputs, 0, "X");
    const ValueInfo& scale = required(inputs, 1, "Scale");
    const ValueInfo* bias = optional_info(inputs, 2);
    require_type(x, "X", kFloatingTypes);
    require_type(scale, "Scale", kFloatingTypes);
    if (bias != nullptr) require_type(*bias, "B", kFloatingTypes);
    ValueInfo statistics;
    if (x.shape) {
      const size_t axis = normalized_axis(axis_, x.shape->size());
      const Shape normalized(x.shape->begin() + static_cast<std::ptrdiff_t>(axis), x.shape->end());
      require_spreads(&scale, "Scale", normalized);
      require_spreads(bias, "B", normalized);
      statistics.shape = *x.shape;
      std::fill(statistics.shape->begin() + static_cast<std::ptrdiff_t>(axis), statistics.shape->end(), 1);
    }
    return {{x.type, x.shape, nullptr}, statistics, statistics};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const auto infos = infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    const size_t axis = normalized_axis(axis_, inputs[0]->rank());
    const Shape normalized(inputs[0]->shape().begin() + static_cast<std::ptrdiff_t>(axis),
                           inputs[0]->shape().end());
    const std::vector<double> scale = spread(*inputs[1], normalized);
    const Tensor* bias = optional_input(inputs, 2);
    const std::vector<double> shift =
        bias == nullptr ? std::vector<double>(scale.size()) : spread(*bias, normalized);
    Tensor y = inputs[0]->converted(computing_type(type));
    Tensor mean(DataType::float32, *infos[1].shape), inverse(DataType::float32, *infos[2].shape);
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) {
        normalize(y.values<T>(), scale, shift, mean.values<float>(), inverse.values<float>());
      }
    });
    std::vector<Tensor> outputs = one(as_type(std::move(y), type));
    outputs.push_back(std::move(mean));
    outputs.push_back(std::move(inverse));
    return outputs;
  }

 private:
  template <class T>
  void normalize(std::span<T> values, const std::vector<double>& scale, const std::vector<double>& shift,
                 std::span<float> means, std::span<float> inverses) const {
    const size_t size = scale.size();
    for (size_t slice = 0; slice < means.size(); ++slice) {
      const auto own = values.subspan(slice * size, size);
      double sum = 0, squares = 0;
      for (const T value : own) sum += static_cast<double>(value);
      const double mean = sum / static_cast<double>(size);
      for (const T value : own)
        squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
      const double inverse =
          1 / std::sqrt(squares / static_cast<double>(size) + static_cast<double>(epsilon_));
      for (size_t i = 0; i < size; ++i) {
        own[i] = static_cast<T>((static_cast<double>(own[i]) - mean) * inverse * scale[i] + shift[i]);
      }
      means[slice] = static_cast<float>(mean);
      inverses[slice] = static_cast<float>(inverse);
    }
  }

  int64_t axis_ = -1, stash_type_ = 1;
  float epsilon_ = 1e-5f;
};

}  // namespace

std::vector<LayerKind> describe_layer_normalization() {
  return {{"LayerNormalization", "normalisation over the last dimensions", make_kind<LayerNormalization>}};
}

}  // namespace deltahop
