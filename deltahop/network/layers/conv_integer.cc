// SPDX-License-Identifier: Apache-2.0
// ConvInteger: convolution of 8-bit codes less their zero points, exact, int32. Padding stands for the zero
// point.
#include "deltahop/network/convolution.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/quantization.h"

namespace deltahop {
namespace {

class ConvInteger final : public Layer {
 public:
  explicit ConvInteger(LayerArguments& arguments)
      : attributes_(ConvolutionAttributes::read(arguments.attributes)) {}
  std::string_view operator_name() const override { return "ConvInteger"; }
  Attributes attributes() const override { return attributes_.write(); }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 4);
    const ValueInfo& x = required(inputs, 0, "x");
    const ValueInfo& w = required(inputs, 1, "w");
    require_type(x, "x", {DataType::uint8, DataType::int8});
    require_type(w, "w", {DataType::uint8, DataType::int8});
    require_zero_point(x, optional_info(inputs, 2), "x_zero_point", ZeroPointOrder::whole);
    require_zero_point(w, optional_info(inputs, 3), "w_zero_point", ZeroPointOrder::leading_axis);
    return {{DataType::int32, attributes_.infer(x, w), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const Tensor x = centered(*inputs[0], optional_input(inputs, 2), ZeroPointOrder::whole);
    const Tensor w = centered(*inputs[1], optional_input(inputs, 3), ZeroPointOrder::leading_axis);
    const auto geometry =
        ConvolutionGeometry::of(attributes_.window, attributes_.groups, x.shape(), w.shape());
    return one(wrapped_to_int32(convolve_codes(geometry, x, w, {}, options.threads)));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return attributes_.workload(required(inputs, 0, "x"), required(inputs, 1, "w"), 8);
  }

 private:
  ConvolutionAttributes attributes_;
};

}  // namespace

std::vector<LayerKind> describe_conv_integer() {
  return {{"ConvInteger", "convolution of 8-bit codes, 32-bit sums", make_kind<ConvInteger>}};
}

}  // namespace deltahop
