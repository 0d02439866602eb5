// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/onnx_output_shapes.h"

#include <algorithm>
#include <array>
#include <optional>

namespace deltahop {
namespace {

// Sizes for open dimensions: batches, and pictures or sequences that most networks take. Different in both
// trials.
struct Trial {
  int64_t batch, extent;
};
constexpr std::array<Trial, 2> kTrials = {{{2, 224}, {3, 256}}};

bool is_open(const NetworkInput& input, size_t axis) { return input.declared[axis] == kSymbolic; }

bool has_open_inputs(const Network& network) {
  return std::any_of(network.inputs().begin(), network.inputs().end(), [](const NetworkInput& input) {
    return std::find(input.declared.begin(), input.declared.end(), kSymbolic) != input.declared.end();
  });
}

std::string name_of_dimension(const NetworkInput& input, size_t axis) {
  return axis < input.dimension_names.size() ? input.dimension_names[axis] : "";
}

// The size that each named dimension gets; a name that is a batch somewhere is one everywhere.
std::map<std::string, int64_t> named_sizes(const Network& network, const Trial& trial) {
  std::map<std::string, int64_t> sizes;
  for (const NetworkInput& input : network.inputs()) {
    for (size_t axis = 0; axis < input.declared.size(); ++axis) {
      const std::string name = name_of_dimension(input, axis);
      if (is_open(input, axis) && !name.empty()) sizes.emplace(name, axis == 0 ? trial.batch : trial.extent);
    }
  }
  return sizes;
}

std::optional<Network> bound_for(const Network& network, const Trial& trial,
                                 const std::map<std::string, int64_t>& sizes) {
  std::vector<Shape> shapes;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (!is_open(input, axis)) continue;
      const auto named = sizes.find(name_of_dimension(input, axis));
      shape[axis] = named != sizes.end() ? named->second : axis == 0 ? trial.batch : trial.extent;
    }
    shapes.push_back(std::move(shape));
  }
  try {
    return network.bound(shapes);
  } catch (const Error&) {
    return std::nullopt;  // not sizes that this network takes: nothing is said then
  }
}

}  // namespace

std::map<ValueId, std::vector<WrittenDimension>> written_output_shapes(const Network& network) {
  std::map<ValueId, std::vector<WrittenDimension>> result;
  const bool open = has_open_inputs(network);
  const auto first_sizes = named_sizes(network, kTrials[0]), second_sizes = named_sizes(network, kTrials[1]);
  const std::optional<Network> first = open ? bound_for(network, kTrials[0], first_sizes) : network;
  const std::optional<Network> second = open ? bound_for(network, kTrials[1], second_sizes) : network;
  if (!first || !second) return result;
  for (const ValueId id : network.outputs()) {
    const auto& a = first->value(id).shape;
    const auto& b = second->value(id).shape;
    if (!a || !b || a->size() != b->size()) continue;
    std::vector<WrittenDimension> dimensions(a->size());
    for (size_t axis = 0; axis < a->size(); ++axis) {
      if ((*a)[axis] == (*b)[axis]) {
        dimensions[axis].size = (*a)[axis];
        continue;
      }
      for (const auto& [name, size] : first_sizes) {
        if (size == (*a)[axis] && second_sizes.at(name) == (*b)[axis]) dimensions[axis].name = name;
      }
    }
    result[id] = std::move(dimensions);
  }
  return result;
}

}  // namespace deltahop
