// SPDX-License-Identifier: Apache-2.0
// ArgMax: where along an axis the largest element stands; of equals the first, or the last where that is
// asked for.
#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

class ArgMax final : public Layer {
 public:
  explicit ArgMax(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    axis_ = attributes.integer("axis", 0);
    keep_dimensions_ = attributes.integer("keepdims", 1) != 0;
    select_last_ = attributes.integer("select_last_index", 0) != 0;
    attributes.finish();
  }
  std::string_view operator_name() const override { return "ArgMax"; }
  Attributes attributes() const override {
    return {{"axis", axis_},
            {"keepdims", int64_t{keep_dimensions_}},
            {"select_last_index", int64_t{select_last_}}};
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& data = required(inputs, 0, "data");
    if (!data.shape) return {{DataType::int64, std::nullopt, nullptr}};
    Shape shape = *data.shape;
    const size_t axis = normalized_axis(axis_, shape.size());
    if (shape[axis] == 0)
      throw Error("",
                  fmt::format("axis {} of {} is empty: there is no largest element", axis_, to_text(shape)));
    if (keep_dimensions_)
      shape[axis] = 1;
    else
      shape.erase(shape.begin() + static_cast<ptrdiff_t>(axis));
    return {{DataType::int64, shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    Tensor output(DataType::int64, *infer(infos_of(inputs))[0].shape);
    if (output.size() == 0) return one(std::move(output));
    const AsType data(*inputs[0], computing_type(inputs[0]->type()));
    const Shape& shape = data.get().shape();
    const size_t axis = normalized_axis(axis_, shape.size());
    const int64_t step = strides_of(shape)[axis], size = shape[axis];
    dispatch_number(data.get().type(), [&]<class T>() {
      const T* values = data.get().values<T>().data();
      for (int64_t i = 0; i < output.size(); ++i) {
        const T* line = values + i / step * step * size + i % step;
        output.values<int64_t>()[static_cast<size_t>(i)] = largest(line, size, step);
      }
    });
    return one(std::move(output));
  }

 private:
  template <class T>
  int64_t largest(const T* line, int64_t size, int64_t step) const {
    int64_t best = 0;
    for (int64_t k = 1; k < size; ++k) {
      const T value = line[k * step], top = line[best * step];
      // The first NaN wins, as in numpy.
      if (top == top && (value > top || value != value || (select_last_ && value == top))) best = k;
    }
    return best;
  }

  int64_t axis_ = 0;
  bool keep_dimensions_ = true;
  bool select_last_ = false;
};

}  // namespace

std::vector<LayerKind> describe_argmax() {
  return {{"ArgMax", "where along an axis the largest element stands", make_kind<ArgMax>}};
}

}  // namespace deltahop
