// SPDX-License-Identifier: Apache-2.0
// Conv: X [N, C, ...] with weights W [K, C/group, ...] and bias B [K], over one to three spatial axes. One
// and two axes run on the kernels; three axes and double precision by the plain loop nest.
#include "deltahop/kernels/conv2d.h"
#include "deltahop/network/convolution.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

class Conv final : public Layer {
 public:
  explicit Conv(LayerArguments& arguments) : attributes_(ConvolutionAttributes::read(arguments.attributes)) {}
  std::string_view operator_name() const override { return "Conv"; }
  Attributes attributes() const override { return attributes_.write(); }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 3);
    const ValueInfo& x = required(inputs, 0, "X");
    const ValueInfo& w = required(inputs, 1, "W");
    const ValueInfo* bias = optional_info(inputs, 2);
    require_type(x, "X", kFloatingTypes);
    require_type(w, "W", {x.type});
    if (bias != nullptr) require_type(*bias, "B", {x.type});
    if (w.shape && !w.shape->empty()) require_shape(bias, "B", {w.shape->front()});
    return {{x.type, attributes_.infer(x, w), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const auto geometry = geometry_of(*inputs[0], *inputs[1]);
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type)), w(*inputs[1], computing_type(type));
    const Tensor* bias = optional_input(inputs, 2);
    Tensor output(computing_type(type), geometry.output_shape());
    if (type == DataType::float64) {
      convolve_any_rank<double, double>(geometry, x.get().values<double>(), w.get().values<double>(),
                                        bias == nullptr ? std::span<const double>() : bias->values<double>(),
                                        output.values<double>(), options.threads);
      return one(std::move(output));
    }
    if (const auto shape = geometry.planar()) {
      const Tensor b = bias == nullptr ? Tensor() : bias->converted(DataType::float32);
      convolve(*shape, x.get().values<float>(), w.get().values<float>(), b.values<float>(),
               output.values<float>(), options.threads);
    } else {
      const Tensor b = bias == nullptr ? Tensor(DataType::float64, {0}) : bias->converted(DataType::float64);
      Tensor sums(DataType::float64, geometry.output_shape());
      convolve_any_rank<float, double>(geometry, x.get().values<float>(), w.get().values<float>(),
                                       b.values<double>(), sums.values<double>(), options.threads);
      output = sums.converted(DataType::float32);
    }
    return one(as_type(std::move(output), type));
  }

  std::optional<Workload> workload(InferInputs inputs) const override {
    return attributes_.workload(required(inputs, 0, "X"), required(inputs, 1, "W"), 16);
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions& options) const override {
    const Tensor& x = *inputs[0].codes;
    const Tensor& w = *inputs[1].codes;
    const auto geometry = geometry_of(x, w);
    const Tensor* bias = inputs.size() > 2 ? inputs[2].codes : nullptr;
    const Tensor b = bias == nullptr ? Tensor(DataType::int64, {0}) : bias->converted(DataType::int64);
    return Accumulators{convolve_codes(geometry, x, w, b.values<int64_t>(), options.threads),
                        inputs[0].fraction_bits + inputs[1].fraction_bits};
  }

 private:
  ConvolutionGeometry geometry_of(const Tensor& x, const Tensor& w) const {
    return ConvolutionGeometry::of(attributes_.window, attributes_.groups, x.shape(), w.shape());
  }

  ConvolutionAttributes attributes_;
};

}  // namespace

std::vector<LayerKind> describe_conv() {
  return {
      {"Conv", "convolution over one to three axes, groups, strides, dilation, padding", make_kind<Conv>}};
}

}  // namespace deltahop
