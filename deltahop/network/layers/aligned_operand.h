// SPDX-License-Identifier: Apache-2.0
// Up to opset 6 a second operand B was laid along the axes of the first from `axis` on ("broadcast" = 1), not
// along the last ones. How many axes follow is only known with the shape of A, so such a layer keeps the two
// attributes.
#pragma once

#include <optional>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {

class AlignedOperand {
 public:
  AlignedOperand() = default;
  explicit AlignedOperand(const Attributes& attributes) {
    const bool stretched = attributes.integer("broadcast", 0) != 0;
    attributes.integers("consumed_inputs");  // opset 1: a hint for in-place work, without meaning here
    if (attributes.has("axis") && stretched) axis_ = attributes.integer("axis", 0);
    attributes.integer("axis", 0);
  }
  // B stands at this axis whatever the file says (the slope of PRelu up to opset 6).
  explicit AlignedOperand(int64_t axis) : axis_(axis) {}

  void write(Attributes& attributes) const {
    if (!axis_) return;
    attributes.set("broadcast", int64_t{1});
    attributes.set("axis", *axis_);
  }

  // The shape of B with the axes that follow it; numpy's rule does the rest.
  Shape shape(const Shape& a, const Shape& b) const {
    if (!axis_ || element_count(b) == 1) return b;
    const size_t start = normalized_axis(*axis_, a.size());
    if (start + b.size() > a.size()) {
      throw Error("", fmt::format("B {} from axis {} on is longer than A {}", to_text(b), start, to_text(a)));
    }
    Shape aligned = b;
    aligned.resize(a.size() - start, 1);
    return aligned;
  }

 private:
  std::optional<int64_t> axis_;
};

}  // namespace deltahop
