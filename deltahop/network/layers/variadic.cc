// SPDX-License-Identifier: Apache-2.0
// Sum, Mean, Min, Max of any number of tensors, element by element, shapes stretched as numpy does it.
#include <algorithm>

#include "deltahop/network/broadcast.h"
#include "deltahop/network/integer_sums.h"
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

constexpr size_t kMostExactTerms = 64;  // of wide_codes(): no sum of so many wraps

struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    return wrapping_add(a, b);
  }
};
// NaN wins, as in numpy.
struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return b < a || b != b ? b : a;
  }
};
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || b != b ? b : a;
  }
};

struct Sum : Plus {
  static constexpr std::string_view kName = "Sum";
  static constexpr bool kAdds = true, kDivides = false;
};
struct Mean : Plus {
  static constexpr std::string_view kName = "Mean";
  static constexpr bool kAdds = true, kDivides = true;
};
struct Min : Smaller {
  static constexpr std::string_view kName = "Min";
  static constexpr bool kAdds = false, kDivides = false;
};
struct Max : Larger {
  static constexpr std::string_view kName = "Max";
  static constexpr bool kAdds = false, kDivides = false;
};

template <class Function>
class Variadic final : public Layer {
 public:
  explicit Variadic(LayerArguments& arguments) {
    arguments.attributes.integers(
        "consumed_inputs");  // opset 1: a hint for in-place work, without meaning here
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return Function::kName; }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return !Function::kAdds; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    const ValueInfo& first = required(inputs, 0, "number 0");
    std::vector<Shape> shapes;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = fmt::format("number {}", i);
      const ValueInfo& info = required(inputs, i, name);
      require_type(info, name, {first.type});
      if (info.shape) shapes.push_back(*info.shape);
    }
    if (Function::kAdds) require_type(first, "number 0", kFloatingTypes);
    if (shapes.size() != inputs.size()) return {{first.type, std::nullopt, nullptr}};
    return {{first.type, broadcast_shape(shapes), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const DataType type = inputs[0]->type(), computed = computing_type(type);
    const AsType first(*inputs[0], computed);
    Tensor output = first.get().shape() == shape ? first.get() : Tensor(computed, shape);
    dispatch_number(computed, [&]<class T>() {
      T* result = output.values<T>().data();
      if (first.get().shape() != shape) {
        combine(BroadcastLoops::of({shape, first.get().shape()}), result, first.get().values<T>().data(),
                result, [](T, T value) { return value; });
      }
      for (size_t i = 1; i < inputs.size(); ++i) {
        const AsType next(*inputs[i], computed);
        combine(BroadcastLoops::of({shape, next.get().shape()}), result, next.get().values<T>().data(),
                result, Function());
      }
      if (Function::kDivides) {
        for (T& value : output.values<T>()) value = static_cast<T>(value / static_cast<T>(inputs.size()));
      }
    });
    return one(as_type(std::move(output), type));
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions&) const override {
    if (!Function::kAdds || inputs.size() > kMostExactTerms) return std::nullopt;
    int fraction_bits = inputs[0].fraction_bits;
    std::vector<Shape> shapes;
    for (const IntegerValue& input : inputs) {
      fraction_bits = std::max(fraction_bits, input.fraction_bits);
      shapes.push_back(input.codes->shape());
    }
    Tensor sums(DataType::int64, broadcast_shape(shapes));
    int64_t* result = sums.values<int64_t>().data();
    for (const IntegerValue& input : inputs) {
      const auto codes = wide_codes(input, fraction_bits);
      if (!codes) return std::nullopt;
      combine(BroadcastLoops::of({sums.shape(), codes->shape()}), result, codes->values<int64_t>().data(),
              result, Plus());
    }
    return Accumulators{std::move(sums), fraction_bits,
                        Function::kDivides ? static_cast<int64_t>(inputs.size()) : 1};
  }
};

template <class Function>
LayerKind variadic_kind(std::string summary) {
  return {std::string(Function::kName), std::move(summary), make_kind<Variadic<Function>>};
}

}  // namespace

std::vector<LayerKind> describe_variadic() {
  return {variadic_kind<Sum>("the sum of its inputs, element by element"),
          variadic_kind<Mean>("the mean of its inputs, element by element"),
          variadic_kind<Min>("the smallest of its inputs, element by element"),
          variadic_kind<Max>("the largest of its inputs, element by element")};
}

}  // namespace deltahop
