// SPDX-License-Identifier: Apache-2.0
// Layers that only move elements, found out by moving numbers: what comes out says where it came from.
#include <algorithm>

#include "deltahop/run/session_steps.h"

namespace deltahop {
namespace {

constexpr std::string_view kMovers[] = {"Reshape", "Flatten",   "Squeeze", "Unsqueeze", "Identity",
                                        "Dropout", "Transpose", "Slice",   "Split",     "Concat",
                                        "Gather",  "Expand",    "Pad"};

// The elements numbered from `first` on, in double: every mover takes that type, and counts exactly in it.
Tensor numbered(const Shape& shape, int64_t first) {
  Tensor tensor(DataType::float64, shape);
  double next = static_cast<double>(first);
  for (double& value : tensor.values<double>()) value = next++;
  return tensor;
}

constexpr double kNoSource = -1;
constexpr int64_t kMostElements = int64_t{1} << 22;  // the list of pieces may be that long

}  // namespace

std::optional<Movement> movement_of(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  if (!node.layer->domain().empty() ||
      std::find(std::begin(kMovers), std::end(kMovers), name) == std::end(kMovers))
    return std::nullopt;
  const size_t data_inputs = name == "Concat" ? node.inputs.size() : 1;
  std::vector<std::optional<Tensor>> tensors(node.inputs.size());
  std::vector<int64_t> firsts;  // number of each data input's first element
  int64_t next = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = network.value(node.inputs[i]);
    if (i < data_inputs) {
      if (value.type != DataType::float32 || !value.shape) return std::nullopt;
      if (element_count(*value.shape) > kMostElements - next) return std::nullopt;
      firsts.push_back(next);
      tensors[i] = numbered(*value.shape, next);
      next += tensors[i]->size();
    } else {
      if (value.constant == nullptr) return std::nullopt;
      tensors[i] = *value.constant;
    }
  }
  std::vector<const Tensor*> pointers;
  for (const auto& tensor : tensors) pointers.push_back(tensor ? &*tensor : nullptr);
  const Tensor no_source = Tensor::scalar<double>(kNoSource);
  if (name == "Pad") {
    pointers.resize(std::max<size_t>(3, pointers.size()), nullptr);
    pointers[2] = &no_source;
  }
  const std::vector<Tensor> results = node.layer->forward(pointers, {});
  Movement movement;
  movement.fill.resize(node.outputs.size(), 0.0F);
  if (name == "Pad" && node.inputs.size() > 2 && node.inputs[2] != kNoValue)
    movement.fill[0] =
        network.value(node.inputs[2]).constant->converted(DataType::float32).values<float>()[0];
  for (size_t output = 0; output < node.outputs.size(); ++output) {
    if (node.outputs[output] == kNoValue) continue;
    if (results.at(output).type() != DataType::float64) return std::nullopt;  // Dropout's mask
    const auto sources = results[output].values<double>();
    for (size_t to = 0; to < sources.size(); ++to) {
      if (sources[to] == kNoSource) continue;
      const auto from = static_cast<int64_t>(sources[to]);
      const auto input =
          static_cast<size_t>(std::upper_bound(firsts.begin(), firsts.end(), from) - firsts.begin()) - 1;
      const int64_t place = from - firsts[input];
      Movement::Piece* last = movement.pieces.empty() ? nullptr : &movement.pieces.back();
      if (last != nullptr && last->input == input && last->output == output &&
          last->from + last->count == place && last->to + last->count == static_cast<int64_t>(to)) {
        ++last->count;
      } else {
        movement.pieces.push_back({input, output, place, static_cast<int64_t>(to), 1});
      }
    }
  }
  movement.is_view = node.outputs.size() == 1 && movement.pieces.size() == 1 && firsts.size() == 1 &&
                     movement.pieces[0].from == 0 && movement.pieces[0].to == 0 &&
                     movement.pieces[0].count == next && results[0].size() == next;
  return movement;
}

}  // namespace deltahop
