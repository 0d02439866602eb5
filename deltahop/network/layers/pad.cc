// SPDX-License-Identifier: Apache-2.0
// Pad: elements added before and after each axis: a constant, the mirrored data, the edge, or the data again.
// Negative amounts cut elements off. Attributes up to opset 10, inputs since, an input for the axes since
// opset 18.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop {
namespace {

constexpr size_t kPads = 1, kValue = 2, kAxes = 3;
constexpr int64_t kLargestPad = int64_t{1} << 40;

enum class Mode { constant, reflect, edge, wrap };
constexpr std::array<std::string_view, 4> kModes = {"constant", "reflect", "edge", "wrap"};

// How much is added on both sides of an axis.
struct Amount {
  int64_t before = 0, after = 0;
};

class Pad final : public Layer {
 public:
  explicit Pad(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    const std::string mode = attributes.text("mode", "constant");
    const auto found = std::find(kModes.begin(), kModes.end(), mode);
    if (found == kModes.end())
      throw Error("", fmt::format("the mode '{}' is not known", mode),
                  suggest(mode, {kModes.begin(), kModes.end()}));
    mode_ = static_cast<Mode>(found - kModes.begin());
    attribute_to_input(arguments, attributes.has("paddings") ? "paddings" : "pads",
                       kPads);  // "paddings" in opset 1
    if (attributes.has("value"))
      add_constant_input(arguments, kValue, Tensor::scalar(attributes.number("value", 0)), "value");
    adds_zero_ = mode_ == Mode::constant && value_is_zero(arguments);
    attributes.finish();
  }
  std::string_view operator_name() const override { return "Pad"; }
  Attributes attributes() const override {
    return {{"mode", std::string(kModes[static_cast<size_t>(mode_)])}};
  }
  bool keeps_codes() const override { return mode_ != Mode::constant || adds_zero_; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 2, 4);
    const ValueInfo& data = required(inputs, 0, "data");
    required(inputs, kPads, "pads");
    const ValueInfo* value = optional_info(inputs, kValue);
    if (value != nullptr && value->shape && element_count(*value->shape) > 1) {
      throw Error(
          "", fmt::format("'constant_value' has the shape {}, one number is wanted", to_text(*value->shape)));
    }
    const auto amounts = amounts_of(inputs);
    if (!amounts) return {{data.type, std::nullopt, nullptr}};
    return {{data.type, padded_shape(*data.shape, *amounts), nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const auto infos = infos_of(inputs);
    const Shape shape = *infer(infos)[0].shape;
    const std::vector<Amount> amounts = *amounts_of(infos);
    const Tensor& data = *inputs[0];
    if (mode_ == Mode::constant)
      return one(padded_with_constant(data, amounts, shape, optional_input(inputs, kValue)));
    Tensor result = data;
    // One axis after the other: each new row is a copy of a row that is there already.
    for (size_t axis = 0; axis < amounts.size(); ++axis) {
      if (amounts[axis].before != 0 || amounts[axis].after != 0)
        result = padded_along(result, axis, amounts[axis]);
    }
    return one(std::move(result));
  }

 private:
  static bool value_is_zero(const LayerArguments& arguments) {
    if (arguments.inputs.size() <= kValue || !arguments.inputs[kValue].present) return true;
    const auto& input = arguments.inputs[kValue];
    const Tensor* value = input.new_constant ? &*input.new_constant : input.constant;
    return value != nullptr && count_nonzero(*value) == 0;
  }

  static std::optional<std::vector<Amount>> amounts_of(InferInputs inputs) {
    const auto& shape = inputs[0]->shape;
    const auto pads = known_integers(inputs, kPads, "pads");
    if (!shape || !pads) return std::nullopt;
    std::vector<int64_t> all_axes;
    for (size_t axis = 0; axis < shape->size(); ++axis) all_axes.push_back(static_cast<int64_t>(axis));
    const auto axes = known_integers(inputs, kAxes, "axes", all_axes);
    if (!axes) return std::nullopt;
    marked_axes(*axes, shape->size());
    if (pads->size() != 2 * axes->size()) {
      throw Error("", fmt::format("'pads' has {} entries for {} axes, two an axis are wanted", pads->size(),
                                  axes->size()));
    }
    std::vector<Amount> amounts(shape->size());
    for (size_t i = 0; i < axes->size(); ++i) {
      const Amount amount{(*pads)[i], (*pads)[i + axes->size()]};
      const auto outside = [](int64_t count) { return count < -kLargestPad || count > kLargestPad; };
      if (outside(amount.before) || outside(amount.after)) {
        throw Error("", fmt::format("'pads' asks for {} and {} elements", amount.before, amount.after));
      }
      amounts[normalized_axis((*axes)[i], shape->size())] = amount;
    }
    return amounts;
  }

  Shape padded_shape(const Shape& shape, const std::vector<Amount>& amounts) const {
    Shape result = shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const auto [before, after] = amounts[axis];
      result[axis] += before + after;
      const int64_t reach = std::max(before, after);
      if (result[axis] < 0)
        throw Error("", fmt::format("'pads' cuts more than the {} elements of axis {}", shape[axis], axis));
      if (mode_ == Mode::reflect && reach > 0 && reach >= shape[axis]) {
        throw Error(
            "", fmt::format("axis {} with {} elements cannot be mirrored {} far", axis, shape[axis], reach));
      }
      if (mode_ != Mode::constant && reach > 0 && shape[axis] == 0)
        throw Error("", fmt::format("axis {} is empty and has no edge", axis));
    }
    element_count(result);
    return result;
  }

  // The part of the data that stays, laid into a block of the constant.
  Tensor padded_with_constant(const Tensor& data, const std::vector<Amount>& amounts, const Shape& shape,
                              const Tensor* value) const {
    Tensor result(data.type(), shape);
    if (!adds_zero_ && value != nullptr && value->size() == 1) {
      const Tensor converted = value->converted(data.type());
      dispatch(data.type(), [&]<class T>() {
        const T filling = converted.values<T>()[0];
        for (T& element : result.values<T>()) element = filling;
      });
    }
    const std::vector<int64_t> from = strides_of(data.shape()), to = strides_of(shape);
    Shape kept;
    int64_t first_from = 0, first_to = 0;
    for (size_t axis = 0; axis < amounts.size(); ++axis) {
      const auto [before, after] = amounts[axis];
      const int64_t begin = std::max<int64_t>(0, -before),
                    end = data.dim(axis) - std::max<int64_t>(0, -after);
      if (end <= begin) return result;
      kept.push_back(end - begin);
      first_from += begin * from[axis];
      first_to += std::max<int64_t>(0, before) * to[axis];
    }
    if (kept == data.shape())
      scatter_strided(data, result, first_to, to);
    else
      scatter_strided(gather_strided(data, first_from, kept, from), result, first_to, to);
    return result;
  }

  Tensor padded_along(const Tensor& data, size_t axis, Amount amount) const {
    Shape shape = data.shape();
    const int64_t size = shape[axis];
    shape[axis] += amount.before + amount.after;
    Tensor result(data.type(), shape);
    if (result.size() == 0) return result;
    const size_t row = static_cast<size_t>(strides_of(shape)[axis]) * byte_width(data.type());
    const size_t blocks = data.bytes().size() / (row * static_cast<size_t>(size));
    const std::byte* from = data.bytes().data();
    std::byte* to = result.bytes().data();
    for (size_t block = 0; block < blocks; ++block) {
      for (int64_t position = -amount.before; position < size + amount.after; ++position) {
        to = std::copy_n(from + static_cast<size_t>(source_row(position, size)) * row, row, to);
      }
      from += row * static_cast<size_t>(size);
    }
    return result;
  }

  int64_t source_row(int64_t position, int64_t size) const {
    if (mode_ == Mode::edge) return std::clamp<int64_t>(position, 0, size - 1);
    if (mode_ == Mode::wrap) return (position % size + size) % size;
    if (position < 0) return -position;  // reflect: padded_shape() saw to it that one mirror is enough
    return position < size ? position : 2 * (size - 1) - position;
  }

  Mode mode_ = Mode::constant;
  bool adds_zero_ = true;
};

}  // namespace

std::vector<LayerKind> describe_pad() {
  return {{"Pad", "elements added before and after each axis", make_kind<Pad>}};
}

}  // namespace deltahop
