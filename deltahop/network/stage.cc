// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/stage.h"

#include <algorithm>

#include "deltahop/network/fused_pooling.h"
#include "deltahop/network/pooling.h"

namespace deltahop {
namespace {

bool multiplies(const Node& node) {
  const std::string_view name = node.layer->operator_name();
  return node.layer->domain().empty() && (name == "Conv" || name == "Gemm" || name == "MatMul");
}

// Follows a chain of nodes that each have one reader.
class Fuser {
 public:
  explicit Fuser(const Network& network)
      : network_(network),
        reader_counts_(network.reader_counts()),
        reader_(network.values().size(), -1),
        taken_(network.nodes().size(), false) {
    for (size_t n = 0; n < network.nodes().size(); ++n) {
      for (const ValueId id : network.nodes()[n].inputs) {
        if (id != kNoValue) reader_[static_cast<size_t>(id)] = static_cast<int64_t>(n);
      }
    }
  }

  bool is_taken(size_t n) const { return taken_[n]; }
  Stage stage_of(size_t n) {
    const Node& first = network_.nodes()[n];
    Stage stage;
    for (const ValueId id : first.inputs) {
      // A branch that joins is the input; a constant in front (c - x) is not.
      if (id == kNoValue || (network_.value(id).constant != nullptr && stage.input != kNoValue)) continue;
      if (stage.input == kNoValue || network_.value(stage.input).constant != nullptr) stage.input = id;
    }
    append(stage, n);
    const auto workload = first.layer->workload(network_.input_infos(first));
    if (!workload) return stage;
    stage.workload = FusedWorkload{first.name, *workload, false, std::nullopt};
    if (multiplies(first)) fuse_followers(stage);
    return stage;
  }

 private:
  void append(Stage& stage, size_t n) {
    taken_[n] = true;
    stage.nodes.push_back(n);
    stage.output = kNoValue;
    for (const ValueId id : network_.nodes()[n].outputs) {
      if (stage.output == kNoValue) stage.output = id;
    }
  }

  // The node that alone reads the stage's output; a network output has a reader that is no node.
  std::optional<size_t> only_reader(const Stage& stage) const {
    const size_t id = static_cast<size_t>(stage.output);
    if (stage.output == kNoValue || reader_counts_[id] != 1 || reader_[id] < 0) return std::nullopt;
    const size_t n = static_cast<size_t>(reader_[id]);
    return taken_[n] ? std::nullopt : std::optional(n);
  }

  bool fuse_relu(Stage& stage) {
    const auto n = only_reader(stage);
    if (!n || network_.nodes()[*n].layer->operator_name() != "Relu") return false;
    append(stage, *n);
    return stage.workload->relu = true;
  }

  void fuse_followers(Stage& stage) {
    fuse_relu(stage);
    const auto n = only_reader(stage);
    if (!n) return;
    stage.workload->pooling = pooling_of(network_, network_.nodes()[*n]);
    if (!stage.workload->pooling) return;
    append(stage, *n);
    // A maximum may be taken before or after the ReLU, an average may not.
    if (!stage.workload->relu && stage.workload->pooling->kind == Pooling::Kind::max) fuse_relu(stage);
  }

  const Network& network_;
  std::vector<int> reader_counts_;
  std::vector<int64_t> reader_;
  std::vector<bool> taken_;
};

}  // namespace

std::optional<Pooling> pooling_of(const Network& network, const Node& node) {
  const std::string_view name = node.layer->operator_name();
  const bool is_max = name == "MaxPool";
  if ((!is_max && name != "AveragePool") || node.outputs.size() != 1) return std::nullopt;
  const auto& shape = network.value(node.inputs.at(0)).shape;
  if (!shape || shape->size() != 4) return std::nullopt;
  const Attributes attributes = node.layer->attributes();
  SlidingWindow window = SlidingWindow::read(attributes);
  window.ceil_mode = attributes.integer("ceil_mode", 0) != 0;
  const PoolingGeometry geometry(window, *shape);
  const WindowAxis& rows = geometry.axes()[1];
  const WindowAxis& columns = geometry.axes()[2];
  if (rows.dilation != 1 || columns.dilation != 1) return std::nullopt;
  // What the last window reads beyond the map, whatever the file declares.
  const auto overhang = [](const WindowAxis& axis) {
    return std::max<int64_t>(0, axis.start(axis.out - 1) + axis.kernel - axis.in);
  };
  Pooling pooling{is_max ? Pooling::Kind::max : Pooling::Kind::average,
                  rows.kernel,
                  columns.kernel,
                  rows.stride,
                  columns.stride,
                  rows.pad_begin,
                  columns.pad_begin,
                  overhang(rows),
                  overhang(columns)};
  const bool padded = pooling.pad_top + pooling.pad_left + pooling.pad_bottom + pooling.pad_right != 0;
  if (!is_max && padded) return std::nullopt;  // the divisor would change at the borders
  return pooling;
}

std::vector<Stage> find_stages(const Network& network) {
  Fuser fuser(network);
  std::vector<Stage> stages;
  for (size_t n = 0; n < network.nodes().size(); ++n) {
    if (!fuser.is_taken(n) && !network.is_constant(network.nodes()[n])) stages.push_back(fuser.stage_of(n));
  }
  return stages;
}

}  // namespace deltahop
