// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_rule.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "deltahop/network/stage.h"

namespace deltahop {
namespace {

bool runs_along_channels(const Value& bias, int64_t channels) {
  if (bias.constant == nullptr) return false;
  const Shape& shape = bias.constant->shape();
  const int64_t size = bias.constant->size();
  return size == 1 || (size == channels && !shape.empty() && shape.back() == channels);
}

// Asks the layer itself, with zeros of the right shapes. Layers that multiply large weights were answered
// before.
bool has_exact_sums(const Network& network, const Node& node) {
  std::vector<Tensor> zeros;
  zeros.reserve(node.inputs.size());
  std::vector<IntegerValue> operands;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) {
      operands.push_back({});
      continue;
    }
    const Value& value = network.value(node.inputs[i]);
    if (!is_floating(value)) {
      if (value.constant == nullptr) return false;
      operands.push_back({value.constant.get(), 0});
      continue;
    }
    if (!value.shape) return false;
    zeros.emplace_back(is_bias(node, i) ? DataType::int64 : DataType::int16, *value.shape);
    operands.push_back({&zeros.back(), 0});
  }
  return !zeros.empty() && node.layer->accumulate(operands, {}).has_value();
}

}  // namespace

bool is_floating(const Value& value) { return is_floating(value.type); }

bool is_bias(const Node& node, size_t input) {
  const std::string_view name = node.layer->operator_name();
  return input == 2 && (name == "Conv" || name == "Gemm");
}

bool is_weighted_sum(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if ((name != "Conv" && name != "Gemm" && name != "MatMul") || !node.layer->domain().empty()) return false;
  const Value& input = network.value(node.inputs.at(0));
  const Value& weights = network.value(node.inputs.at(1));
  if (!is_floating(input) || !is_floating(weights) || weights.constant == nullptr ||
      input.constant != nullptr)
    return false;
  const auto workload = node.layer->workload(network.input_infos(node));
  if (!workload || workload->shape.batch < 1) return false;
  if (name == "MatMul" && weights.shape->size() != 2) return false;
  if (name == "Gemm") {
    const Attributes attributes = node.layer->attributes();
    if (attributes.number("alpha", 1) != 1 || attributes.number("beta", 1) != 1 ||
        attributes.integer("transA", 0) != 0)
      return false;
  }
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  return !has_bias || runs_along_channels(network.value(node.inputs[2]), workload->shape.out_channels);
}

std::string host_reason(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  const bool any_float = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoValue && network.value(id).constant == nullptr && is_floating(network.value(id));
  });
  if (!any_float) return "";  // integers already, or nothing but shapes
  if (node.layer->keeps_codes() || is_weighted_sum(network, node)) return "";
  if (has_exact_sums(network, node)) return "";
  if (name == "Gemm") return "Gemm with factors or a transposed input has no integer rule";
  return fmt::format("{} has no integer rule", name);
}

std::vector<ValueId> values_with_formats(const Network& network) {
  require_bound(network);
  std::set<ValueId> ids;
  for (const NetworkInput& input : network.inputs()) {
    if (is_floating(network.value(input.value))) ids.insert(input.value);
  }
  for (const Node& node : network.nodes()) {
    if (network.is_constant(node)) continue;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && network.value(id).constant == nullptr && is_floating(network.value(id)))
        ids.insert(id);
    }
    // A node that keeps codes rounds its constant operands (the bounds of a Clip) to the format of its
    // output.
    if (node.layer->keeps_codes() || !host_reason(network, node).empty()) continue;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue || is_bias(node, i)) continue;
      if (network.value(id).constant != nullptr && is_floating(network.value(id))) ids.insert(id);
    }
  }
  return {ids.begin(), ids.end()};
}

std::vector<std::vector<ValueId>> values_of_one_format(const Network& network) {
  std::vector<std::vector<ValueId>> groups;
  const auto add = [&](std::vector<ValueId> group) {
    std::erase_if(group, [&](ValueId id) {
      return id == kNoValue || network.value(id).constant != nullptr || !is_floating(network.value(id));
    });
    if (group.size() > 1) groups.push_back(std::move(group));
  };
  for (const Stage& stage : find_stages(network)) {
    std::vector<ValueId> group;
    for (const size_t n : stage.nodes) {
      const Node& node = network.nodes()[n];
      if (stage.nodes.size() > 1)
        group.push_back(node.outputs.at(0));
      else if (node.layer->keeps_codes())
        group = node.outputs;
    }
    add(std::move(group));
  }
  return groups;
}

void require_bound(const Network& network) {
  for (const NetworkInput& input : network.inputs()) {
    if (!network.value(input.value).shape) {
      throw Error(fmt::format("input '{}'", network.value(input.value).name), "its shape is not bound",
                  "formats belong to a network whose input shapes are known");
    }
  }
}

}  // namespace deltahop
