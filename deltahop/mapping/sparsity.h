// SPDX-License-Identifier: Apache-2.0
// What a chip makes of zeros, and what that leaves of the costs of a layer's mappings.
//
// Gating: an element looks at the operands of `gates` in their order and stops at the first zero: what stands
// behind it in the list, the operands that are not in it, the sum and the multiplication are not touched. The
// zero itself was read, and the cycle passes. Skipping: neither is a zero of `skips` read nor does it take a
// cycle. Both save in an element: what the array sends to several elements is sent whatever one of them
// finds. Codes make words smaller on their way: at each place that names one, for every read and write there.
// Where the code of all that an operand has would be larger than the plain words, they are moved plain.
//
// All of it scales costs of places and operands by factors that do not depend on the mapping, so the search
// finds the optimum under the scaled costs, with proof.
#pragma once

#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/mapping/cost.h"
#include "deltahop/mapping/zeros.h"

namespace deltahop {

struct Sparsity {
  std::string name = "dense", summary = {}, citation = {};
  std::vector<Operand> gates = {}, skips = {};  // weights, inputs
  // Codes by operand. In the buffer and over the array: of weights and inputs; at DRAM also of finished
  // outputs. Capacities are for plain words, so that what is stored fits whatever the data are.
  std::array<Code, kOperands> at_dram{}, at_buffer{}, over_array{};

  bool uses_zeros() const;
  bool skips_any() const { return !skips.empty(); }
};

// What is wrong is noted in `config`, which the caller finishes.
Sparsity read_sparsity(const Config& config, std::string_view name);

// For every mapping of the layer onto DRAM, a buffer and an array.
Savings savings_of(const Sparsity& sparsity, const LayerZeros& zeros, int64_t word_bits);

// How much of the dense time is left where zeros are skipped and elements wait for each other: all have to
// end a tile of their storage before any gets the next one, and so do those that hear the array's words at
// every multiplication. Expected for zeros that are independent of each other; never below
// Savings::cycles, which has no waiting, and it reaches 1 where some element always finds work.
double waiting_cycles(const Sparsity& sparsity, const LayerZeros& zeros, const Problem& problem,
                      const Hierarchy& hierarchy, const Mapping& mapping);

// Mean of the largest of `count` binomial numbers, each of `trials` independent trials.
double expected_largest(int64_t count, int64_t trials, double probability);

}  // namespace deltahop
