// SPDX-License-Identifier: Apache-2.0
#include "deltahop/compress/fold.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/compress/channel_map.h"

namespace deltahop {
namespace {

class Folder {
 public:
  explicit Folder(const Network& network)
      : network_(network),
        builder_(NetworkBuilder::from_values_of(network)),
        readers_(network.reader_counts()),
        reader_(network.values().size(), -1),
        alias_(network.values().size()),
        gone_(network.nodes().size(), false) {
    for (size_t n = 0; n < network.nodes().size(); ++n) {
      for (const ValueId id : network.nodes()[n].inputs) {
        if (id != kNoValue) reader_[static_cast<size_t>(id)] = static_cast<int64_t>(n);
      }
    }
    for (size_t id = 0; id < alias_.size(); ++id) alias_[id] = static_cast<ValueId>(id);
    for (const ValueId id : network.outputs()) is_output_.push_back(id);
  }

  Network result() {
    for (size_t n = 0; n < network_.nodes().size(); ++n) {
      if (!gone_[n]) add(network_.nodes()[n]);
    }
    for (const ValueId id : network_.outputs()) builder_.output(alias_[static_cast<size_t>(id)]);
    return builder_.build();
  }

 private:
  void add(const Node& node) {
    if (network_.is_constant(node)) return keep(node, node.outputs);
    if (passes_through(network_, node) && !gives_network_output(node)) {
      alias_[static_cast<size_t>(node.outputs[0])] = alias_[static_cast<size_t>(node.inputs[0])];
      return;
    }
    const std::optional<WeightedNode> weighted = WeightedNode::of(network_, node);
    if (!weighted) return keep(node, node.outputs);
    ChannelMap map(weighted->channels());
    ValueId output = node.outputs[0];
    while (absorb_reader(*weighted, map, output)) {
    }
    if (map.is_identity() && !weighted->has_factors()) return keep(node, {output});
    rebuild(*weighted, map, output);
  }

  void keep(const Node& node, const std::vector<ValueId>& outputs) {
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs)
      inputs.push_back(id == kNoValue ? kNoValue : alias_[static_cast<size_t>(id)]);
    builder_.layer_into(node.layer, node.name, std::move(inputs), outputs);
  }

  bool gives_network_output(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return std::find(is_output_.begin(), is_output_.end(), id) != is_output_.end();
    });
  }

  // Takes the one node that reads `output` into the map where it scales and shifts each channel, and goes on
  // behind it.
  bool absorb_reader(const WeightedNode& weighted, ChannelMap& map, ValueId& output) {
    const size_t id = static_cast<size_t>(output);
    if (readers_[id] != 1 || reader_[id] < 0) return false;
    const size_t n = static_cast<size_t>(reader_[id]);
    const Node& reader = network_.nodes()[n];
    if (network_.is_constant(reader)) return false;
    if (!passes_through(network_, reader) || reader.inputs[0] != output) {
      const std::optional<ChannelMap> next =
          channel_map_of(network_, reader, output, weighted.channels(), weighted.channel_axis());
      if (!next || (!weighted.can_shift() && next->shifts())) return false;
      map.follow(*next);
    }
    gone_[n] = true;
    output = reader.outputs[0];
    return true;
  }

  void rebuild(const WeightedNode& weighted, const ChannelMap& map, ValueId output) {
    const Node& node = weighted.node();
    std::vector<ValueId> inputs = {
        alias_[static_cast<size_t>(node.inputs[0])],
        builder_.constant(fresh_name(node.name + "/folded_weights"), weighted.scaled_weights(map))};
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
    if (map.shifts() || has_bias)
      inputs.push_back(builder_.constant(fresh_name(node.name + "/folded_bias"), weighted.bias(map)));
    const bool becomes_gemm = inputs.size() > 2 && node.layer->operator_name() == "MatMul";
    builder_.node_into(becomes_gemm ? "Gemm" : std::string(node.layer->operator_name()), node.name,
                       std::move(inputs), {output}, weighted.attributes());
  }

  std::string fresh_name(std::string name) const {
    while (builder_.find(name) != kNoValue) name += "'";
    return name;
  }

  const Network& network_;
  NetworkBuilder builder_;
  std::vector<int> readers_;
  std::vector<int64_t> reader_;
  std::vector<ValueId> alias_;
  std::vector<ValueId> is_output_;
  std::vector<bool> gone_;
};

}  // namespace

Network folded(const Network& network) { return Folder(network).result(); }

}  // namespace deltahop
