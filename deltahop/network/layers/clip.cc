// SPDX-License-Identifier: Apache-2.0
// Clip: x between two bounds, of which either may be absent. Where they cross, the upper one wins, as in
// numpy.
#include <algorithm>
#include <limits>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

constexpr size_t kLow = 1, kHigh = 2;

class Clip final : public Layer {
 public:
  explicit Clip(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    attributes.integers("consumed_inputs");  // opset 1: a hint for in-place work, without meaning here
    // Attributes up to opset 10, inputs since.
    if (attributes.has("min"))
      add_constant_input(arguments, kLow, Tensor::scalar(attributes.number("min", 0)), "min");
    if (attributes.has("max"))
      add_constant_input(arguments, kHigh, Tensor::scalar(attributes.number("max", 0)), "max");
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Clip"; }
  Attributes attributes() const override { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 3);
    const ValueInfo& x = required(inputs, 0, "input");
    for (const size_t bound : {kLow, kHigh}) {
      const ValueInfo* info = optional_info(inputs, bound);
      const std::string_view name = bound == kLow ? "min" : "max";
      // Old files have the bounds as float32 attributes whatever the type of the input.
      if (info == nullptr) continue;
      if (!is_floating(x.type) || !is_floating(info->type)) require_type(*info, name, {x.type});
      if (info->shape && element_count(*info->shape) != 1) {
        throw Error("", fmt::format("the bound '{}' has the shape {}, one number is wanted", name,
                                    to_text(*info->shape)));
      }
    }
    return {{x.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    Tensor output = inputs[0]->converted(computing_type(type));
    dispatch_number(output.type(), [&]<class T>() {
      using Limits = std::numeric_limits<T>;
      const auto bound = [&](size_t index, T fallback) {
        const Tensor* tensor = optional_input(inputs, index);
        return tensor == nullptr ? fallback : AsType(*tensor, output.type()).get().values<T>()[0];
      };
      const T low = bound(kLow, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
      const T high = bound(kHigh, Limits::has_infinity ? Limits::infinity() : Limits::max());
      for (T& value : output.values<T>()) {
        value = value < low ? low : value;  // NaN stays NaN
        value = value > high ? high : value;
      }
    });
    return one(as_type(std::move(output), type));
  }
};

}  // namespace

std::vector<LayerKind> describe_clip() { return {{"Clip", "x between two bounds", make_kind<Clip>}}; }

}  // namespace deltahop
