// SPDX-License-Identifier: Apache-2.0
// One entry of a recipe's map `constraints`: a kind, when it holds, and its numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deltahop/base/config.h"

namespace deltahop {

struct ConstraintSection {
  std::string name;  // the key in the map; also the kind where `kind` is not written
  std::string kind;
  int64_t start_epoch = 0;  // the first epoch in which it holds, counted from 0
  int64_t end_epoch = -1;   // the first in which it holds no longer; -1: to the end, and in the exported file
  int64_t ramp_epochs = 0;  // costs, thresholds, noise: epochs over which they grow to their full size
  std::vector<std::string> nodes;  // names of nodes, `*` for any letters; empty: all that the kind is for
  int64_t weight_bits = 16, activation_bits = 16;          // rounding: of Qm.n, sign included
  int64_t weight_fraction = -1, activation_fraction = -1;  // n of Qm.n; -1: found from the largest magnitude
  bool stochastic = false;                                 // rounding: up or down by chance
  std::string sums = "floor";                   // rounding, of exact sums: floor (as NullHop), half_even, ...
  int64_t fraction = 1;                         // pow2: weights are -2^-n, 0, 2^-n
  double threshold_x = 0.0, threshold_h = 0.0;  // delta: in the units of the values
  std::vector<double> test_thresholds;          // delta: the file is tested at these, too, for x and h alike
  bool candidate_bias = false;  // delta: keep the candidate's recurrent bias; EdgeDRNN has no place for it
  double weight = 0.0;          // costs: factor before the term in the loss
  double width = 1.0;           // mac_cost: activations below this are pulled towards zero
  double deviation = 0.0;       // state_noise: standard deviation
  double probability = 0.0;     // dropout
  std::string place;            // file:line:column

  bool active(int64_t epoch) const { return epoch >= start_epoch && (end_epoch < 0 || epoch < end_epoch); }
  // 0 where it does not hold, 1 at its full size.
  double strength(int64_t epoch) const;
  // Whether the exported network is made under it.
  bool holds_at_the_end() const { return end_epoch < 0; }
};

// Faults are noted in `config`, the map's value under `name`.
ConstraintSection read_constraint_section(const std::string& name, const Config& config);

}  // namespace deltahop
