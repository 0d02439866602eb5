// SPDX-License-Identifier: Apache-2.0
// One direction of a recurrent layer over whole sequences, dense: the input's part of many steps is one
// product, the state's part goes step by step. Real is float or double.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/network/recurrent_cell.h"

namespace deltahop {

struct SequenceShape {
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
};

// How far apart neighbours lie in memory, in elements: sequence first or batch first.
struct SequenceStrides {
  int64_t step = 0, batch = 0;
};

// Of one direction, row-major as in ONNX; bias and peepholes may be empty.
template <class Real>
struct CellWeights {
  std::span<const Real> input;      // [gates * hidden, inputs]
  std::span<const Real> recurrent;  // [gates * hidden, hidden]
  std::span<const Real> bias;       // [2 * gates * hidden]: Wb, then Rb
  std::span<const Real> peepholes;  // [3 * hidden]
};

template <class Real>
struct SequenceTask {
  CellRules rules;
  bool reverse = false;
  SequenceShape shape;
  CellWeights<Real> weights;
  std::vector<int64_t> lengths;  // steps of each sample of the batch
  const Real* x = nullptr;
  SequenceStrides x_strides;
  Real* y = nullptr;  // zero where a sample has ended
  SequenceStrides y_strides;
  std::vector<Real> hidden,
      cell;  // [batch, hidden]: the states before, then the states after; cell: LSTM only
};

template <class Real>
void run_sequence(SequenceTask<Real>& task, int threads);
extern template void run_sequence(SequenceTask<float>&, int);
extern template void run_sequence(SequenceTask<double>&, int);

}  // namespace deltahop
