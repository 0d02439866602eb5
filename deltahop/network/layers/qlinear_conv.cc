// SPDX-License-Identifier: Apache-2.0
// QLinearConv: convolution of 8-bit codes, its exact sums rescaled to 8-bit codes. Inputs: x, scale, zero
// point; w, scale, zero point (one or one an output channel); scale and zero point of y; bias int32 at the
// scale of the sums.
#include "deltahop/network/convolution.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

class QLinearConv final : public Layer {
 public:
  explicit QLinearConv(LayerArguments& arguments)
      : attributes_(ConvolutionAttributes::read(arguments.attributes)) {}
  std::string_view operator_name() const override { return "QLinearConv"; }
  Attributes attributes() const override { return attributes_.write(); }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 8, 9);
    const ValueInfo& x = required(inputs, 0, "x");
    const ValueInfo& w = required(inputs, 3, "w");
    const ValueInfo& y_zero_point = required(inputs, 7, "y_zero_point");
    for (const ValueInfo* codes : {&x, &w, &y_zero_point})
      require_type(*codes, "codes", {DataType::uint8, DataType::int8});
    const ValueInfo& w_scale = required(inputs, 4, "w_scale");
    for (const ValueInfo* scale :
         {&required(inputs, 1, "x_scale"), &w_scale, &required(inputs, 6, "y_scale")}) {
      require_type(*scale, "scale", {DataType::float32});
      if (scale != &w_scale) require_single(*scale, "scale");
    }
    require_zero_point(x, &required(inputs, 2, "x_zero_point"), "x_zero_point", ZeroPointOrder::whole);
    require_zero_point(w, &required(inputs, 5, "w_zero_point"), "w_zero_point", ZeroPointOrder::leading_axis);
    require_single(y_zero_point, "y_zero_point");
    const ValueInfo* bias = optional_info(inputs, 8);
    if (bias != nullptr) require_type(*bias, "B", {DataType::int32});
    if (w.shape && !w.shape->empty()) {
      require_shape(bias, "B", {w.shape->front()});
      if (w_scale.shape && element_count(*w_scale.shape) != 1)
        require_shape(&w_scale, "w_scale", {w.shape->front()});
    }
    return {{y_zero_point.type, attributes_.infer(x, w), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    const DataType type = infer(infos_of(inputs))[0].type;
    const Tensor x = centered(*inputs[0], inputs[2], ZeroPointOrder::whole);
    const Tensor w = centered(*inputs[3], inputs[5], ZeroPointOrder::leading_axis);
    const auto geometry =
        ConvolutionGeometry::of(attributes_.window, attributes_.groups, x.shape(), w.shape());
    const Tensor* bias = optional_input(inputs, 8);
    const Tensor b = bias == nullptr ? Tensor(DataType::int64, {0}) : bias->converted(DataType::int64);
    const Tensor sums = convolve_codes(geometry, x, w, b.values<int64_t>(), options.threads);
    std::vector<double> factors = numbers_of(*inputs[4]);
    for (double& factor : factors) factor *= numbers_of(*inputs[1])[0] / numbers_of(*inputs[6])[0];
    const int64_t plane = sums.size() / std::max<int64_t>(geometry.batch * geometry.out_channels, 1);
    const auto factor_at = [&](int64_t i) {
      return factors[factors.size() == 1 ? 0 : static_cast<size_t>(i / plane % geometry.out_channels)];
    };
    return one(requantized(sums, type, factor_at, static_cast<int64_t>(numbers_of(*inputs[7])[0])));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return attributes_.workload(required(inputs, 0, "x"), required(inputs, 3, "w"), 8);
  }

 private:
  ConvolutionAttributes attributes_;
};

}  // namespace

std::vector<LayerKind> describe_qlinear_conv() {
  return {{"QLinearConv", "convolution of 8-bit codes to 8-bit codes", make_kind<QLinearConv>}};
}

}  // namespace deltahop
