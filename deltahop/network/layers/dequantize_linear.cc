// SPDX-License-Identifier: Apache-2.0
// DequantizeLinear: y = (code - zero point) * scale, with one scale a tensor, an axis position or a block.
#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

class DequantizeLinear final : public Layer {
 public:
  explicit DequantizeLinear(const LayerArguments& arguments) : scale_(arguments.attributes) {
    arguments.attributes.finish();
    const int64_t type = scale_.output_dtype;
    if (type != 0 && !is_floating(type_of_onnx(type)))
      throw Error("", fmt::format("output_dtype is {}", name_of(type_of_onnx(type))),
                  "wanted a floating type");
  }
  std::string_view operator_name() const override { return "DequantizeLinear"; }
  Attributes attributes() const override { return scale_.attributes(); }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& x = required(inputs, 0, "x");
    const ValueInfo& scale = required(inputs, 1, "x_scale");
    const ValueInfo* zero_point = optional_info(inputs, 2);
    require_type(x, "x",
                 {DataType::int8, DataType::uint8, DataType::int16, DataType::uint16, DataType::int32});
    require_type(scale, "x_scale", kFloatingTypes);
    if (zero_point != nullptr) require_type(*zero_point, "x_zero_point", {x.type});
    scale_.check(x, scale, zero_point, "x_zero_point");
    const DataType type = scale_.output_dtype != 0 ? type_of_onnx(scale_.output_dtype) : scale.type;
    return {{type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const DataType type = infer(infos_of(inputs))[0].type;
    const Tensor& x = *inputs[0];
    const std::vector<double> scales = numbers_of(*inputs[1]);
    const Tensor* zero_point = optional_input(inputs, 2);
    const std::vector<double> zero =
        zero_point == nullptr ? std::vector<double>(scales.size()) : numbers_of(*zero_point);
    const auto layout = scale_.layout(x.shape(), inputs[1]->shape());
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
  ScaleAttributes scale_;
};

}  // namespace

std::vector<LayerKind> describe_dequantize_linear() {
  return {{"DequantizeLinear", "codes with scale and zero point to floats", make_kind<DequantizeLinear>}};
}

}  // namespace deltahop
