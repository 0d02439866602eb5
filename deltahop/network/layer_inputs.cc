// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/layer_inputs.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {

void require_input_count(InferInputs inputs, size_t least, size_t most) {
  if (inputs.size() >= least && inputs.size() <= most) return;
  const std::string wanted = least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
  throw Error("", fmt::format("has {} inputs, the operator takes {}", inputs.size(), wanted));
}

const ValueInfo& required(InferInputs inputs, size_t index, std::string_view name) {
  const ValueInfo* info = optional_info(inputs, index);
  if (info == nullptr) throw Error("", fmt::format("the input {} is missing", name));
  return *info;
}

const ValueInfo* optional_info(InferInputs inputs, size_t index) {
  if (index >= inputs.size() || !inputs[index]) return nullptr;
  if (inputs[index]->shape) element_count(*inputs[index]->shape);
  return &*inputs[index];
}

void require_countable_work(int64_t outputs, int64_t products_per_output) {
  constexpr double kMost = 0x1.0p62;
  if (static_cast<double>(outputs) * static_cast<double>(products_per_output) < kMost) return;
  throw Error("", fmt::format("{} outputs of {} products each are too many", outputs, products_per_output));
}

const Tensor* optional_input(TensorInputs inputs, size_t index) {
  return index < inputs.size() ? inputs[index] : nullptr;
}

void require_type(const ValueInfo& info, std::string_view name, std::initializer_list<DataType> types) {
  if (std::find(types.begin(), types.end(), info.type) != types.end()) return;
  std::string known;
  for (const DataType type : types) known += fmt::format("{}{}", known.empty() ? "" : ", ", name_of(type));
  throw Error("", fmt::format("the input {} is of type {}", name, name_of(info.type)), "supported: " + known);
}

void require_shape(const ValueInfo* info, std::string_view name, const Shape& shape) {
  if (info == nullptr || !info->shape || *info->shape == shape) return;
  throw Error("", fmt::format("the input {} has the shape {}, wanted {}", name, to_text(*info->shape),
                              to_text(shape)));
}

std::vector<std::optional<ValueInfo>> infos_of(TensorInputs inputs) {
  std::vector<std::optional<ValueInfo>> infos;
  for (const Tensor* tensor : inputs) {
    if (tensor == nullptr)
      infos.emplace_back();
    else
      infos.push_back(ValueInfo{tensor->type(), tensor->shape(), tensor});
  }
  return infos;
}

size_t normalized_axis(int64_t axis, size_t rank) {
  const int64_t count = static_cast<int64_t>(rank);
  if (axis < -count || axis >= count) {
    throw Error("", fmt::format("axis {} does not exist: the input has {} dimensions", axis, rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + count : axis);
}

DataType computing_type(DataType type) {
  return type == DataType::float16 || type == DataType::bfloat16 ? DataType::float32 : type;
}

Tensor as_type(Tensor tensor, DataType type) {
  return tensor.type() == type ? std::move(tensor) : tensor.converted(type);
}

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor));
  return tensors;
}

}  // namespace deltahop
