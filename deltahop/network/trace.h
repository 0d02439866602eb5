// SPDX-License-Identifier: Apache-2.0
// What really flowed through one stage for one input: simulators take traces, so data-driven sparsity is
// exact. A trace is handed out stage by stage and lives only during the call; it may come from a run or from
// a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/network/workload.h"
#include "deltahop/tensor/fixed_point.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct RecurrentTrace;  // network/integer_delta_gru.h

struct LayerTrace {
  std::string name;           // of the stage's first node
  std::string operator_name;  // of the stage's first node
  std::optional<FusedWorkload>
      workload;  // absent: the stage does not multiply by weights (Add, Softmax, ...)

  // Integer codes, int16; shapes as in kernels/conv2d.h with N = 1: input [C, H, W] flattened as [1, C, H,
  // W], weights [K, C/groups, R, S], output [1, K, P', Q'] after ReLU and pooling.
  const Tensor* input = nullptr;
  const Tensor* weights = nullptr;
  const Tensor* bias = nullptr;  // int64 [K] at the scale of the sums, or absent
  const Tensor* output = nullptr;
  FixedFormat input_format, weight_format, output_format;
  Rounding rounding = Rounding::floor;
  Overflow overflow = Overflow::saturate;
  // The sums are shifted right by this much to reach output_format (the chip's register).
  int output_shift() const {
    return input_format.fraction_bits + weight_format.fraction_bits - output_format.fraction_bits;
  }

  // A recurrent stage: the whole sequence through it; operands above are then absent.
  const RecurrentTrace* recurrent = nullptr;

  // Further inputs of a stage that joins branches (Add, Concat); empty otherwise.
  std::vector<const Tensor*> other_inputs;
  bool on_host_in_float = false;  // no integer rule: computed in float and rounded
  // How many roundings of this stage met a value that its format cannot hold; absent where nobody counted.
  std::optional<int64_t> saturated;

  // The float executor's value of `output` for the same picture, where it was asked for.
  const Tensor* float_output = nullptr;
};

}  // namespace deltahop
