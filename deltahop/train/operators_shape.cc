// SPDX-License-Identifier: Apache-2.0
// What only moves values: shapes, order of axes, pieces.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "deltahop/train/operators.h"

namespace deltahop {
namespace {

using Integers = std::vector<int64_t>;

// The shape at a batch of one is known; at run time the batch stands in for that one.
NodeFunction make_reshape(const NodeSource& source) {
  const Integers wanted = source.integers(1);
  const bool allow_zero = source.attributes().integer("allowzero", 0) != 0;
  const std::optional<int64_t> before = source.batch_axis(), after = batch_axis_behind(source, 0);
  if (!before || !after)
    source.refuse("mixes the batch with other dimensions", "keep the batch a dimension of its own");
  return [=](const Tensors& in, const ForwardCall& call) -> Tensors {
    Integers shape = wanted;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] == 0 && !allow_zero) shape[axis] = in[0].size(static_cast<int64_t>(axis));
    }
    shape[static_cast<size_t>(*after)] = call.batch;
    return {in[0].reshape(shape)};
  };
}

NodeFunction make_flatten(const NodeSource& source) {
  const int64_t rank = static_cast<int64_t>(source.shape(0).size());
  const int64_t given = source.attributes().integer("axis", 1);
  const int64_t axis = given < 0 ? given + rank : given;
  return [axis](const Tensors& in, const ForwardCall&) -> Tensors {
    int64_t rows = 1, columns = 1;
    for (int64_t i = 0; i < in[0].dim(); ++i) (i < axis ? rows : columns) *= in[0].size(i);
    return {in[0].reshape({rows, columns})};
  };
}

NodeFunction make_transpose(const NodeSource& source) {
  Integers order = source.attributes().integers("perm");
  const int64_t rank = static_cast<int64_t>(source.shape(0).size());
  if (order.empty())
    for (int64_t i = rank - 1; i >= 0; --i) order.push_back(i);
  return [order](const Tensors& in, const ForwardCall&) -> Tensors { return {in[0].permute(order)}; };
}

Integers sorted_axes(const NodeSource& source, size_t rank) {
  if (!source.has(1))
    source.refuse("takes out every dimension of size one, the batch perhaps among them", "name the axes");
  Integers axes = source.integers(1);
  for (int64_t& axis : axes) axis = axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
  std::sort(axes.begin(), axes.end());
  return axes;
}

NodeFunction make_squeeze(const NodeSource& source) {
  const Integers axes = sorted_axes(source, source.shape(0).size());
  return [axes](const Tensors& in, const ForwardCall&) -> Tensors {
    torch::Tensor x = in[0];
    for (size_t i = axes.size(); i-- > 0;) x = x.squeeze(axes[i]);
    return {x};
  };
}

NodeFunction make_unsqueeze(const NodeSource& source) {
  const Integers axes = sorted_axes(source, source.output_shape().size());
  return [axes](const Tensors& in, const ForwardCall&) -> Tensors {
    torch::Tensor x = in[0];
    for (const int64_t axis : axes) x = x.unsqueeze(axis);
    return {x};
  };
}

NodeFunction make_concat(const NodeSource& source) {
  const int64_t axis = source.attributes().integer("axis", 1);
  return [axis](const Tensors& in, const ForwardCall&) -> Tensors { return {at::cat(in, axis)}; };
}

NodeFunction make_split(const NodeSource& source) {
  const int64_t axis = source.attributes().integer("axis", 0);
  const int64_t pieces = static_cast<int64_t>(source.node().outputs.size());
  const Shape shape = source.shape(0);
  const int64_t total =
      shape[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis)];
  Integers sizes;
  if (source.has(1)) sizes = source.integers(1);
  for (int64_t left = total, each = (total + pieces - 1) / pieces; !source.has(1) && left > 0; left -= each)
    sizes.push_back(std::min(left, each));
  return [axis, sizes](const Tensors& in, const ForwardCall&) -> Tensors {
    return at::split_with_sizes(in[0], sizes, axis);
  };
}

NodeFunction make_slice(const NodeSource& source) {
  const Integers starts = source.integers(1), ends = source.integers(2);
  Integers axes, steps(starts.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (source.has(3)) axes = source.integers(3);
  if (source.has(4)) steps = source.integers(4);
  for (const int64_t step : steps)
    if (step < 1) source.refuse("goes backwards, which cannot be trained");
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    torch::Tensor x = in[0];
    for (size_t i = 0; i < axes.size(); ++i) x = at::slice(x, axes[i], starts[i], ends[i], steps[i]);
    return {x};
  };
}

NodeFunction make_gather(const NodeSource& source) {
  const Tensor* tensor = source.constant(1);
  if (tensor == nullptr) source.refuse("picks by numbers that depend on the data, which cannot be trained");
  const int64_t given = source.attributes().integer("axis", 0),
                rank = static_cast<int64_t>(source.shape(0).size());
  const int64_t axis = given < 0 ? given + rank : given;
  const Integers indices = source.integers(1);
  const Shape shape = tensor->shape();
  if (shape.size() > 1) source.refuse("picks by a matrix of numbers, which cannot be trained");
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    if (shape.empty()) return {in[0].select(axis, indices[0])};
    Integers places = indices;
    for (int64_t& place : places) place = place < 0 ? place + in[0].size(axis) : place;
    return {at::index_select(in[0], axis, torch::tensor(places, torch::kInt64))};
  };
}

NodeFunction make_pad(const NodeSource& source) {
  if (source.attributes().text("mode", "constant") != "constant")
    source.refuse("is trained with constant padding only");
  const Integers amounts = source.integers(1);
  const double value = source.number(2, 0.0);
  const size_t rank = source.shape(0).size();
  if (source.has(3) || amounts.size() != 2 * rank)
    source.refuse("pads chosen axes", "write amounts for all axes");
  Integers pads;
  for (size_t i = rank; i-- > 0;) {
    pads.push_back(amounts[i]);
    pads.push_back(amounts[i + rank]);
  }
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    return {at::constant_pad_nd(in[0], pads, value)};
  };
}

NodeFunction make_identity(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors { return {in[0]}; };
}

}  // namespace

NodeMaker find_shape_maker(std::string_view name) {
  static const std::map<std::string_view, NodeMaker> kMakers = {
      {"Reshape", make_reshape}, {"Flatten", make_flatten},  {"Transpose", make_transpose},
      {"Squeeze", make_squeeze}, {"Concat", make_concat},    {"Unsqueeze", make_unsqueeze},
      {"Split", make_split},     {"Slice", make_slice},      {"Gather", make_gather},
      {"Pad", make_pad},         {"Identity", make_identity}};
  const auto found = kMakers.find(name);
  return found == kMakers.end() ? nullptr : found->second;
}

}  // namespace deltahop
