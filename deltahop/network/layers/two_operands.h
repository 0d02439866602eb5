// SPDX-License-Identifier: Apache-2.0
// A layer of two operands that are stretched to one shape as numpy does it; before opset 7 the second may
// stand at an axis of its own (aligned_operand.h).
#pragma once

#include "deltahop/network/broadcast.h"
#include "deltahop/network/layers/aligned_operand.h"

namespace deltahop {

class TwoOperands : public Layer {
 public:
  Attributes attributes() const final {
    Attributes attributes;
    alignment_.write(attributes);
    return attributes;
  }

 protected:
  explicit TwoOperands(const AlignedOperand& alignment) : alignment_(alignment) {}
  explicit TwoOperands(const LayerArguments& arguments) : alignment_(arguments.attributes) {
    arguments.attributes.finish();
  }

  // Absent where a shape is not known.
  std::optional<Shape> stretched(const ValueInfo& a, const ValueInfo& b) const {
    if (!a.shape || !b.shape) return std::nullopt;
    return broadcast_shape(*a.shape, alignment_.shape(*a.shape, *b.shape));
  }
  BroadcastLoops loops_of(const Tensor& a, const Tensor& b) const {
    return BroadcastLoops::of({a.shape(), alignment_.shape(a.shape(), b.shape())});
  }

 private:
  AlignedOperand alignment_;
};

}  // namespace deltahop
