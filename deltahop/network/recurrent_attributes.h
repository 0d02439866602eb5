// SPDX-License-Identifier: Apache-2.0
// The attributes that GRU, LSTM and RNN share, read from any opset and given back in the form of opset 17.
#pragma once

#include <string>
#include <vector>

#include "deltahop/network/recurrent_cell.h"

namespace deltahop {

class RecurrentAttributes {
 public:
  // Throws Error on a direction, activation or number that there is not; asks attributes.finish().
  RecurrentAttributes(CellKind kind, const Attributes& attributes);

  CellKind kind() const { return kind_; }
  int64_t directions() const { return direction_ == "bidirectional" ? 2 : 1; }
  bool is_reverse(int64_t direction) const { return direction == 1 || direction_ == "reverse"; }
  // Sequence and batch are swapped: layout 1 has the batch first.
  bool batch_first() const { return batch_first_; }
  std::optional<int64_t> hidden_size() const { return hidden_size_; }
  CellRules rules(int64_t direction) const;

  Attributes as_attributes() const;

 private:
  void read_activations(const Attributes& attributes);

  CellKind kind_;
  std::string direction_;
  std::optional<int64_t> hidden_size_;
  bool batch_first_ = false, linear_before_reset_ = false, input_forget_ = false;
  float clip_ = 0.0f;
  std::vector<CellActivation> activations_;  // of all directions, one after the other
  // As they were given: names and the numbers that the named ones take.
  std::vector<std::string> names_;
  std::vector<float> alphas_, betas_;
};

}  // namespace deltahop
