// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/moved_codes.h"

#include <array>
#include <string_view>

#include "deltahop/run/sparse_plan.h"

namespace deltahop {
namespace {

constexpr std::array<std::string_view, 8> kMovers = {"Slice",     "Pad",     "Flatten",   "Reshape",
                                                     "Transpose", "Squeeze", "Unsqueeze", "Identity"};
constexpr int64_t kMostPlaces = int64_t{1} << 23;  // that float32 counts exactly, with 0 for "nothing"

// Where element i of a tensor [1, C, H, W] lies in its map [H, W, C].
int64_t place_in_map(int64_t i, const MapSize& size) {
  const int64_t pixels = size.rows * size.columns;
  return i % pixels * size.channels + i / pixels;
}

bool is_known_mover(const Network& network, const Node& node) {
  if (!node.layer->domain().empty() || !node.layer->keeps_codes() || node.outputs.size() != 1) return false;
  if (std::find(kMovers.begin(), kMovers.end(), node.layer->operator_name()) == kMovers.end()) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && network.value(node.inputs[i]).constant == nullptr) return false;
  }
  return true;
}

}  // namespace

std::optional<Moves> moves_of(const Network& network, const Node& node) {
  if (!is_known_mover(network, node)) return std::nullopt;
  const auto from = map_size(network, node.inputs[0]), to = map_size(network, node.outputs[0]);
  if (!from || !to || from->size() > kMostPlaces || to->size() > kMostPlaces) return std::nullopt;
  Tensor places(DataType::float32, *network.value(node.inputs[0]).shape);
  for (int64_t i = 0; i < places.size(); ++i)
    places.values<float>()[static_cast<size_t>(i)] = static_cast<float>(place_in_map(i, *from) + 1);
  std::vector<const Tensor*> inputs = {&places};
  for (size_t i = 1; i < node.inputs.size(); ++i)
    inputs.push_back(node.inputs[i] == kNoValue ? nullptr : network.value(node.inputs[i]).constant.get());
  const Tensor moved = std::move(node.layer->forward(inputs, {}).at(0));
  std::vector<int64_t> sources(static_cast<size_t>(to->size()), 0);
  for (int64_t i = 0; i < moved.size(); ++i)
    sources[static_cast<size_t>(place_in_map(i, *to))] =
        static_cast<int64_t>(moved.values<float>()[static_cast<size_t>(i)]);
  Moves moves;
  for (int64_t i = 0; i < to->size(); ++i) {
    const int64_t source = sources[static_cast<size_t>(i)] - 1;
    if (source < 0) {
      moves.fills = true;
      continue;
    }
    const bool continues = !moves.runs.empty() &&
                           moves.runs.back().from + moves.runs.back().count == source &&
                           moves.runs.back().to + moves.runs.back().count == i;
    if (continues)
      ++moves.runs.back().count;
    else
      moves.runs.push_back({source, i, 1});
  }
  return moves;
}

}  // namespace deltahop
