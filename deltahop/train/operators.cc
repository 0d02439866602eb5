// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/operators.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/network/recurrent_attributes.h"

namespace deltahop {

void NodeSource::refuse(std::string_view what, std::string_view hint) const {
  throw Error(fmt::format("node '{}' ({})", node_.name, node_.layer->operator_name()), what, hint);
}

const Tensor* NodeSource::constant(size_t input) const {
  return has(input) ? network_.value(node_.inputs[input]).constant.get() : nullptr;
}

std::vector<int64_t> NodeSource::integers(size_t input) const {
  const Tensor* tensor = constant(input);
  if (tensor == nullptr)
    refuse(fmt::format("input {} depends on the data, which cannot be trained", input),
           "write it as a constant; 0 and -1 leave dimensions open");
  const Tensor wide = tensor->converted(DataType::int64);
  return {wide.values<int64_t>().begin(), wide.values<int64_t>().end()};
}

double NodeSource::number(size_t input, double fallback) const {
  if (!has(input)) return fallback;
  const Tensor* tensor = constant(input);
  if (tensor == nullptr || tensor->size() != 1)
    refuse(fmt::format("input {} is not one constant number", input));
  return tensor->converted(DataType::float64).values<double>()[0];
}

Shape NodeSource::shape(size_t input) const {
  const auto& known = network_.value(node_.inputs.at(input)).shape;
  if (!known) refuse("the shape of its input is not known", "give the network's input a shape");
  return *known;
}

Shape NodeSource::output_shape() const {
  const auto& known = network_.value(node_.outputs.at(0)).shape;
  if (!known) refuse("the shape of its output is not known", "give the network's input a shape");
  return *known;
}

NodeFunction make_node_function(const NodeSource& source) {
  const std::string_view name = source.node().layer->operator_name();
  for (const auto find : {find_window_maker, find_shape_maker, find_element_maker, find_recurrent_maker}) {
    if (const NodeMaker maker = find(name)) return maker(source);
  }
  source.refuse("cannot be trained",
                "train the network without this operator, or without the part that needs it");
}

std::optional<ForwardHooks::Role> trained_role(std::string_view name, size_t input) {
  using Role = ForwardHooks::Role;
  if (name == "Conv" || name == "Gemm")
    return input == 1 ? std::optional(Role::weight) : input == 2 ? std::optional(Role::bias) : std::nullopt;
  if (name == "MatMul") return Role::weight;
  if (name == "Add") return Role::bias;
  if (name == "Mul") return Role::normalisation;
  if (name == "BatchNormalization" || name == "LayerNormalization")
    return input == 1 || input == 2 ? std::optional(Role::normalisation) : std::nullopt;
  if (name == "PRelu") return input == 1 ? std::optional(Role::normalisation) : std::nullopt;
  if (name == "GRU" || name == "LSTM" || name == "RNN") {
    if (input == 1) return Role::weight;
    if (input == 2) return Role::recurrent_weight;
    if (input == 3 || input == 7) return Role::bias;  // 7: peepholes
  }
  return std::nullopt;
}

bool is_buffer(std::string_view name, size_t input) {
  return name == "BatchNormalization" && (input == 3 || input == 4);
}

namespace {

// The axis of the result at which everything before is as much as before the batch, and which is 1 at a batch
// of one.
std::optional<int64_t> axis_behind_reshape(const Shape& before, const Shape& after, int64_t axis) {
  int64_t rows = 1;
  for (int64_t i = 0; i < axis; ++i) rows *= before[static_cast<size_t>(i)];
  int64_t product = 1;
  for (size_t i = 0; i < after.size(); product *= after[i++]) {
    if (product == rows && after[i] == 1) return static_cast<int64_t>(i);
  }
  return std::nullopt;
}

std::optional<int64_t> axis_behind_shape_change(const NodeSource& source, std::string_view name,
                                                int64_t axis) {
  const int64_t rank = static_cast<int64_t>(source.shape(0).size());
  const int64_t after = static_cast<int64_t>(source.output_shape().size());
  if (name == "Transpose") {
    std::vector<int64_t> order = source.attributes().integers("perm");
    for (int64_t i = rank - 1; order.size() < static_cast<size_t>(rank); --i) order.push_back(i);
    return std::find(order.begin(), order.end(), axis) - order.begin();
  }
  if (name == "Squeeze" || name == "Unsqueeze") {
    std::vector<int64_t> axes = source.integers(1);
    const int64_t full = name == "Squeeze" ? rank : after;
    for (int64_t& one : axes) one = one < 0 ? one + full : one;
    std::sort(axes.begin(), axes.end());
    for (const int64_t one : axes) {
      if (name == "Squeeze" && one == axis) return std::nullopt;
      if (name == "Unsqueeze" && one <= axis) ++axis;
    }
    if (name == "Squeeze")
      axis -= std::count_if(axes.begin(), axes.end(), [&](int64_t one) { return one < axis; });
    return axis;
  }
  if (name == "Flatten") return axis == 0 ? std::optional<int64_t>(0) : std::nullopt;
  return axis_behind_reshape(source.shape(0), source.output_shape(), axis);
}

}  // namespace

std::optional<int64_t> batch_axis_behind(const NodeSource& source, size_t output) {
  const std::string_view name = source.node().layer->operator_name();
  if (!source.batch_axis()) return std::nullopt;
  const int64_t axis = *source.batch_axis();
  if (const auto kind = cell_kind_of(*source.node().layer)) {
    const bool batch_first = RecurrentAttributes(*kind, source.attributes()).batch_first();
    return batch_first ? 0 : output == 0 ? 2 : 1;
  }
  if (name == "Transpose" || name == "Squeeze" || name == "Unsqueeze" || name == "Flatten" ||
      name == "Reshape")
    return axis_behind_shape_change(source, name, axis);
  const int64_t rank = static_cast<int64_t>(source.shape(0).size());
  const int64_t after = static_cast<int64_t>(source.output_shape().size());
  if (name == "Gather") {
    const int64_t at = source.attributes().integer("axis", 0);
    const int64_t gathered = at < 0 ? at + rank : at;
    return gathered < axis ? axis + after - rank : axis;
  }
  if (name.starts_with("Reduce") && after < rank) {
    std::vector<int64_t> axes = source.integers(1);
    return axis - std::count_if(axes.begin(), axes.end(),
                                [&](int64_t one) { return (one < 0 ? one + rank : one) < axis; });
  }
  return axis + std::max<int64_t>(0, after - rank);  // broadcasting puts dimensions in front
}

}  // namespace deltahop
