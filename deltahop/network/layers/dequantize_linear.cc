// SPDX-License-Identifier: Apache-2.0
// DequantizeLinear: y = (code - zero point) * scale, with one scale a tensor, an axis position or a block.
#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

class DequantizeLinear final : public Layer {
 public:
  explicit DequantizeLinear(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    axis_ = attributes.integer("axis", 1);
    block_size_ = attributes.integer("block_size", 0);
    output_dtype_ = attributes.integer("output_dtype", 0);
    attributes.finish();
    if (output_dtype_ != 0 && !is_floating(type_of_onnx(output_dtype_))) {
      throw Error("", fmt::format("output_dtype is {}", name_of(type_of_onnx(output_dtype_))),
                  "wanted a floating type");
    }
  }
  std::string_view operator_name() const override { return "DequantizeLinear"; }
  Attributes attributes() const override {
    Attributes attributes{{"axis", axis_}};
    if (block_size_ != 0) attributes.set("block_size", block_size_);
    if (output_dtype_ != 0) attributes.set("output_dtype", output_dtype_);
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& x = required(inputs, 0, "x");
    const ValueInfo& scale = required(inputs, 1, "x_scale");
    const ValueInfo* zero_point = optional_info(inputs, 2);
    require_type(x, "x",
                 {DataType::int8, DataType::uint8, DataType::int16, DataType::uint16, DataType::int32});
    require_type(scale, "x_scale", kFloatingTypes);
    if (zero_point != nullptr) {
      require_type(*zero_point, "x_zero_point", {x.type});
      if (scale.shape) require_shape(zero_point, "x_zero_point", *scale.shape);
    }
    if (x.shape && scale.shape) ParameterLayout::of(*x.shape, *scale.shape, axis_, block_size_);
    return {{output_dtype_ != 0 ? type_of_onnx(output_dtype_) : scale.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const DataType type = infer(infos_of(inputs))[0].type;
    const Tensor& x = *inputs[0];
    const std::vector<double> scales = numbers_of(*inputs[1]);
    const Tensor* zero_point = optional_input(inputs, 2);
    const std::vector<double> zero =
        zero_point == nullptr ? std::vector<double>(scales.size()) : numbers_of(*zero_point);
    const auto layout = ParameterLayout::of(x.shape(), inputs[1]->shape(), axis_, block_size_);
    Tensor y(DataType::float32, x.shape());
    const auto values = y.values<float>();
    dispatch(x.type(), [&]<class T>() {
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 4 && !std::is_same_v<T, bool>) {
        const auto codes = x.values<T>();
        // The difference is exact in double, so that the float product is rounded once.
        layout.for_each([&](size_t i, size_t p) {
          values[i] = static_cast<float>((static_cast<double>(codes[i]) - zero[p]) * scales[p]);
        });
      }
    });
    return one(as_type(std::move(y), type));
  }

 private:
  int64_t axis_ = 1, block_size_ = 0, output_dtype_ = 0;
};

}  // namespace

std::vector<LayerKind> describe_dequantize_linear() {
  return {{"DequantizeLinear", "codes with scale and zero point to floats", make_kind<DequantizeLinear>}};
}

}  // namespace deltahop
