// SPDX-License-Identifier: Apache-2.0
// Slice: from start to end along some axes, in steps that may be negative. Attributes up to opset 9, inputs
// since.
#include <algorithm>

#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop {
namespace {

constexpr size_t kStarts = 1, kEnds = 2, kAxes = 3, kSteps = 4;

// Where the view of the source begins and how it steps.
struct View {
  Shape shape;
  std::vector<int64_t> steps;
  int64_t first = 0;
};

class Slice final : public Layer {
 public:
  explicit Slice(LayerArguments& arguments) {
    attribute_to_input(arguments, "starts", kStarts);
    attribute_to_input(arguments, "ends", kEnds);
    attribute_to_input(arguments, "axes", kAxes);
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "Slice"; }
  Attributes attributes() const override { return {}; }
  bool keeps_codes() const override { return true; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 3, 5);
    const ValueInfo& data = required(inputs, 0, "data");
    const auto view = view_of(inputs);
    return {{data.type, view ? std::optional(view->shape) : std::nullopt, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const auto infos = infos_of(inputs);
    infer(infos);
    const View view = *view_of(infos);
    return one(gather_strided(*inputs[0], view.first, view.shape, view.steps));
  }

 private:
  static std::optional<View> view_of(InferInputs inputs) {
    required(inputs, kStarts, "starts");
    required(inputs, kEnds, "ends");
    const auto& shape = inputs[0]->shape;
    const auto starts = known_integers(inputs, kStarts, "starts"),
               ends = known_integers(inputs, kEnds, "ends");
    if (!shape || !starts || !ends) return std::nullopt;
    std::vector<int64_t> all_axes, all_steps(starts->size(), 1);
    for (size_t i = 0; i < starts->size(); ++i) all_axes.push_back(static_cast<int64_t>(i));
    const auto axes = known_integers(inputs, kAxes, "axes", all_axes);
    const auto steps = known_integers(inputs, kSteps, "steps", all_steps);
    if (!axes || !steps) return std::nullopt;
    if (ends->size() != starts->size() || axes->size() != starts->size() || steps->size() != starts->size()) {
      throw Error("", fmt::format("'starts', 'ends', 'axes' and 'steps' have {}, {}, {} and {} entries",
                                  starts->size(), ends->size(), axes->size(), steps->size()));
    }
    marked_axes(*axes, shape->size());
    View view{*shape, strides_of(*shape), 0};
    for (size_t i = 0; i < starts->size(); ++i)
      cut(view, normalized_axis((*axes)[i], shape->size()), (*starts)[i], (*ends)[i], (*steps)[i]);
    return view;
  }

  static void cut(View& view, size_t axis, int64_t start, int64_t end, int64_t step) {
    if (step == 0) throw Error("", "a step of 'steps' is zero");
    const int64_t size = view.shape[axis];
    // The bounds may be as far out as integers go ("to the end" is written as the largest); nothing here may
    // wrap.
    const auto inside = [size](int64_t position, int64_t low, int64_t high) {
      return std::clamp(position < 0 ? position + size : position, low, high);
    };
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const int64_t begin = inside(start, step > 0 ? 0 : std::min<int64_t>(0, high), high);
    const int64_t stop = inside(end, low, high);
    const int64_t distance = step > 0 ? stop - begin : begin - stop;
    // |step| as unsigned: the lowest integer has no counterpart.
    const uint64_t stride =
        step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    const int64_t count =
        distance <= 0 ? 0 : static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / stride) + 1;
    view.shape[axis] = count;
    if (count == 0) return;
    view.first += begin * view.steps[axis];
    view.steps[axis] *= count > 1 ? step : 1;  // a single element takes no step, however long
  }
};

}  // namespace

std::vector<LayerKind> describe_slice() {
  return {{"Slice", "from start to end along some axes, in steps", make_kind<Slice>}};
}

}  // namespace deltahop
