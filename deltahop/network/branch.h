// SPDX-License-Identifier: Apache-2.0
// An If whose condition is not known yet. Both branches wait, unbuilt, inside the layer; as soon as the
// condition is a constant (at load, or when input shapes are bound) the network's builder puts the nodes of
// one branch in the place of the node and forgets the other. Conditions that data decide are refused.
#pragma once

#include "deltahop/network/network.h"

namespace deltahop {

struct Branch {
  Network graph;                  // nodes, values and outputs as they were read: no shape is inferred
  std::vector<ValueId> captured;  // values of `graph` that come from around the node
};

// Inputs of the node: the condition, what the then-branch captures, what the else-branch captures.
class IfLayer final : public Layer {
 public:
  IfLayer(Branch then_branch, Branch else_branch)
      : then_(std::move(then_branch)), else_(std::move(else_branch)) {}

  const Branch& branch(bool condition) const { return condition ? then_ : else_; }
  size_t first_captured_input(bool condition) const { return condition ? 1 : 1 + then_.captured.size(); }

  std::string_view operator_name() const override { return "If"; }
  Attributes attributes() const override { return {}; }
  std::vector<ValueInfo> infer(InferInputs inputs) const override;
  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override;

 private:
  Branch then_, else_;
};

}  // namespace deltahop
