// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear: code = saturate(round_half_even(x / scale) + zero point), with one scale a tensor, an axis
// position or a block. DynamicQuantizeLinear chooses scale and zero point from the range of its input.
#include <algorithm>

#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

constexpr std::initializer_list<DataType> kCodeTypes = {DataType::uint8, DataType::int8, DataType::uint16,
                                                        DataType::int16};

class QuantizeLinear final : public Layer {
 public:
  explicit QuantizeLinear(const LayerArguments& arguments) : scale_(arguments.attributes) {
    const Attributes& attributes = arguments.attributes;
    attributes.integer("saturate", 1);   // opset 19: for 8-bit floats only
    attributes.integer("precision", 0);  // opset 23: the type to divide in; ours is at least as precise
    attributes.finish();
  }
  std::string_view operator_name() const override { return "QuantizeLinear"; }
  Attributes attributes() const override { return scale_.attributes(); }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& x = required(inputs, 0, "x");
    const ValueInfo& scale = required(inputs, 1, "y_scale");
    const ValueInfo* zero_point = optional_info(inputs, 2);
    require_type(
        x, "x",
        {DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16, DataType::int32});
    require_type(
        scale, "y_scale",
        {DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16, DataType::int32});
    ValueInfo y{DataType::uint8, x.shape, nullptr};
    if (scale_.output_dtype != 0) y.type = type_of_onnx(scale_.output_dtype);
    if (zero_point != nullptr) {
      if (scale_.output_dtype != 0) require_type(*zero_point, "y_zero_point", {y.type});
      y.type = zero_point->type;
    }
    require_type(y, "y_zero_point", kCodeTypes);
    scale_.check(x, scale, zero_point, "y_zero_point");
    return {y};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const DataType type = infer(infos_of(inputs))[0].type;
    const AsType x(*inputs[0], DataType::float32), scale(*inputs[1], DataType::float32);
    const auto values = x.get().values<float>(), scales = scale.get().values<float>();
    const Tensor* zero_point = optional_input(inputs, 2);
    const Tensor zeros = zero_point == nullptr ? Tensor(DataType::int32, scale.get().shape())
                                               : zero_point->converted(DataType::int32);
    const auto zero = zeros.values<int32_t>();
    const auto layout = scale_.layout(x.get().shape(), scale.get().shape());
    Tensor y(type, x.get().shape());
    dispatch(type, [&]<class T>() {
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 2 && !std::is_same_v<T, bool>) {
        const auto codes = y.values<T>();
        layout.for_each([&](size_t i, size_t p) {
          codes[i] = saturated_code<T>(static_cast<double>(values[i] / scales[p]), zero[p]);
        });
      }
    });
    return one(std::move(y));
  }

 private:
  ScaleAttributes scale_;
};

class DynamicQuantizeLinear final : public Layer {
 public:
  explicit DynamicQuantizeLinear(LayerArguments& arguments) { arguments.attributes.finish(); }
  std::string_view operator_name() const override { return "DynamicQuantizeLinear"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "x");
    require_type(x, "x", {DataType::float32});
    return {{DataType::uint8, x.shape, nullptr},
            {DataType::float32, Shape{}, nullptr},
            {DataType::uint8, Shape{}, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const auto values = inputs[0]->values<float>();
    float low = 0, high = 0;  // the range always holds zero
    for (const float value : values) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
    const float scale = high == low ? 1.0f : (high - low) / 255.0f;
    const auto zero_point = saturated_code<uint8_t>(static_cast<double>(-low / scale), 0);
    Tensor y(DataType::uint8, inputs[0]->shape());
    std::transform(values.begin(), values.end(), y.values<uint8_t>().begin(), [&](float value) {
      return saturated_code<uint8_t>(static_cast<double>(value / scale), zero_point);
    });
    std::vector<Tensor> outputs = one(std::move(y));
    outputs.push_back(Tensor::scalar<float>(scale));
    outputs.push_back(Tensor::scalar<uint8_t>(zero_point));
    return outputs;
  }
};

}  // namespace

std::vector<LayerKind> describe_quantize_linear() {
  return {{"QuantizeLinear", "floats to 8- and 16-bit codes with scale and zero point",
           make_kind<QuantizeLinear>},
          {"DynamicQuantizeLinear", "floats to 8-bit codes over the input's own range",
           make_kind<DynamicQuantizeLinear>}};
}

}  // namespace deltahop
