// SPDX-License-Identifier: Apache-2.0
// The values of a network while it runs: each lives from its making until its last reader has run.
#pragma once

#include <optional>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

class ValueStore {
 public:
  // The network must outlive the store. Constants are found at once.
  explicit ValueStore(const Network& network);

  // Borrows a value that outlives the store (a network input).
  void lend(ValueId id, const Tensor& tensor) { values_[index(id)].lent = &tensor; }
  // Keeps a value.
  void put(ValueId id, Tensor tensor) { values_[index(id)].owned = std::move(tensor); }
  bool has(ValueId id) const { return values_[index(id)].owned || values_[index(id)].lent != nullptr; }
  // The value, null for kNoValue; it must be there.
  const Tensor* get(ValueId id) const;
  // A node has run: its inputs have one reader fewer, and its outputs that nobody reads are dropped.
  void release(const Node& node);
  // The value for the caller to keep: moved out where it is owned and this is its last reader.
  Tensor take(ValueId id);

 private:
  struct Slot {
    const Tensor* lent = nullptr;
    std::optional<Tensor> owned;
    int readers = 0;
  };
  static size_t index(ValueId id) { return static_cast<size_t>(id); }

  std::vector<Slot> values_;
};

// "node 'conv1' (Conv)": the place of errors.
std::string place_of(const Node& node);

// Throws Error where the inputs do not match the network's in number, shape or type.
void check_inputs(const Network& network, const std::vector<Tensor>& inputs);

}  // namespace deltahop
