// SPDX-License-Identifier: Apache-2.0
// The steps of a session beside its products: each knows where its operands lie and allocates nothing when it
// runs. make_plain_step() has one for element-wise layers, copies, reductions and softmax; for everything
// else the session falls back on the layer's own code.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

class SessionStep {
 public:
  virtual ~SessionStep() = default;
  virtual void run() = 0;
};

// Where the float values of a network lie while a session runs; null for values of other types, and to write
// to constants.
class ValuePlaces {
 public:
  explicit ValuePlaces(size_t values) : sources_(values, nullptr), targets_(values, nullptr) {}
  const float* source(ValueId id) const {
    return id == kNoValue ? nullptr : sources_[static_cast<size_t>(id)];
  }
  float* target(ValueId id) const { return id == kNoValue ? nullptr : targets_[static_cast<size_t>(id)]; }
  void set(ValueId id, float* place) {
    sources_[static_cast<size_t>(id)] = targets_[static_cast<size_t>(id)] = place;
  }
  void set_constant(ValueId id, const float* place) { sources_[static_cast<size_t>(id)] = place; }

 private:
  std::vector<const float*> sources_;
  std::vector<float*> targets_;
};

// Where every element of a node's outputs comes from, for layers that only move elements (Slice, Concat,
// Transpose, ...); absent for others.
struct Movement {
  struct Piece {
    size_t input = 0, output = 0;  // of the node
    int64_t from = 0, to = 0, count = 0;
  };
  std::vector<Piece> pieces;
  std::vector<float> fill;  // what elements without a source hold, an output each (Pad)
  // The only output is the only data input, element by element.
  bool is_view = false;
};
std::optional<Movement> movement_of(const Network& network, const Node& node);

// Null where the node has no step of this kind. The network and what the places point to must outlive it.
std::unique_ptr<SessionStep> make_plain_step(const Network& network, const Node& node,
                                             const ValuePlaces& places);
// Copies `count` floats.
std::unique_ptr<SessionStep> make_copy_step(const float* from, float* to, int64_t count);
// The layer's own code on whole tensors; allocates. Null for inputs that are absent and outputs that nobody
// wants.
std::unique_ptr<SessionStep> make_layer_step(const Node& node, std::vector<const Tensor*> inputs,
                                             std::vector<Tensor*> outputs, int threads);

}  // namespace deltahop
