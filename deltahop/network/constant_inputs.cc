// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/constant_inputs.h"

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {

void add_constant_input(LayerArguments& arguments, size_t index, Tensor tensor, std::string_view name) {
  auto& inputs = arguments.inputs;
  if (index < inputs.size() && inputs[index].present) {
    throw Error("", fmt::format("'{}' is given as an attribute and as an input", name),
                "leave one of them out");
  }
  while (inputs.size() <= index) {
    inputs.emplace_back();
    inputs.back().present = false;
  }
  inputs[index].present = true;
  inputs[index].new_constant = std::move(tensor);
}

void attribute_to_input(LayerArguments& arguments, std::string_view name, size_t index) {
  if (!arguments.attributes.has(name)) return;
  const std::vector<int64_t> values = arguments.attributes.integers(name);
  add_constant_input(arguments, index, Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values),
                     name);
}

std::vector<int64_t> integers_of(const Tensor& tensor, std::string_view name) {
  if (tensor.rank() > 1)
    throw Error("",
                fmt::format("'{}' has the shape {}, one dimension is wanted", name, to_text(tensor.shape())));
  if (tensor.type() == DataType::int64)
    return {tensor.values<int64_t>().begin(), tensor.values<int64_t>().end()};
  if (tensor.type() == DataType::int32)
    return {tensor.values<int32_t>().begin(), tensor.values<int32_t>().end()};
  throw Error("", fmt::format("'{}' is of type {}, int32 or int64 is wanted", name, name_of(tensor.type())));
}

std::optional<std::vector<int64_t>> known_integers(InferInputs inputs, size_t index, std::string_view name,
                                                   std::vector<int64_t> fallback) {
  const ValueInfo* info = optional_info(inputs, index);
  if (info == nullptr) return fallback;
  if (info->constant == nullptr) return std::nullopt;
  return integers_of(*info->constant, name);
}

bool is_present(InferInputs inputs, size_t index) { return optional_info(inputs, index) != nullptr; }

std::vector<bool> marked_axes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<bool> marked(rank, false);
  for (const int64_t axis : axes) {
    const size_t index = normalized_axis(axis, rank);
    if (marked[index]) throw Error("", fmt::format("axis {} comes twice", axis));
    marked[index] = true;
  }
  return marked;
}

}  // namespace deltahop
