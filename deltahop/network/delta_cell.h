// SPDX-License-Identifier: Apache-2.0
// A recurrent cell that multiplies changes only [Neil2017]: the slow and clear truth that the native kernels
// are held against. One sample, one time step a call; Real is float or double.
//   DeltaCell<float> cell(recurrent_cells(network, node)[0], {.input = 0.1, .hidden = 0.2});
//   for (const auto& frame : frames) cell.step(frame), use(cell.hidden());
//   cell.counts().sent_h ...
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/recurrent_cell.h"

namespace deltahop {

// Sums over steps of the elements that were sent, out of steps * inputs and steps * hidden.
struct DeltaCounts {
  int64_t steps = 0;
  int64_t inputs = 0, hidden = 0;
  int64_t sent_x = 0, sent_h = 0, sent_rh = 0;

  // Weights that the sent columns hold, and those of all columns: what is read, and what a dense step reads.
  int64_t read_weights(const CellRules& rules) const;
  int64_t dense_weights(const CellRules& rules) const;
  friend bool operator==(const DeltaCounts&, const DeltaCounts&) = default;
};

// A signal with the values that were last sent of it. encode() keeps indices and changes of what is sent now.
template <class Real>
class DeltaStream {
 public:
  DeltaStream() = default;
  DeltaStream(int64_t size, double threshold)
      : threshold_(static_cast<Real>(threshold)), sent_(static_cast<size_t>(size), Real{0}) {}
  void reset();
  void encode(std::span<const Real> signal);
  std::span<const uint32_t> indices() const { return indices_; }
  std::span<const Real> changes() const { return changes_; }
  std::span<const Real> sent() const { return sent_; }

 private:
  Real threshold_{0};
  std::vector<Real> sent_;
  std::vector<uint32_t> indices_;
  std::vector<Real> changes_;
};

template <class Real>
class DeltaCell {
 public:
  DeltaCell(const RecurrentCell& cell, DeltaThresholds thresholds);

  void reset();  // state, references and counts to zero, memories to the biases
  void step(std::span<const Real> x);

  std::span<const Real> hidden() const { return hidden_; }
  std::span<const Real> cell_state() const { return cell_state_; }  // LSTM; else empty
  // The state before the next step, from outside: what it differs by from what was sent is a change as any
  // other.
  void set_hidden(std::span<const Real> hidden);
  void set_cell_state(std::span<const Real> cell_state);

  const DeltaCounts& counts() const { return counts_; }
  // Sums of weights times what was sent, biases included: a block of `hidden` a gate in ONNX's order; for a
  // GRU the third is the input's part of the candidate, a fourth the recurrent part.
  std::span<const Real> memory() const { return memory_; }
  // Of the last step: columns of W, of R, and of R's candidate rows (linear_before_reset = 0).
  const DeltaStream<Real>& input_stream() const { return x_; }
  const DeltaStream<Real>& hidden_stream() const { return h_; }
  const DeltaStream<Real>& reset_hidden_stream() const { return rh_; }

 private:
  // memory[into + row - first] += weights[row, column] * change, for the rows [first, first + count).
  void add(const std::vector<Real>& columns, const DeltaStream<Real>& stream, int64_t first, int64_t count,
           int64_t into);
  void finish_gru_step();

  CellRules rules_;
  int64_t inputs_, hidden_size_;
  std::vector<Real> input_columns_, recurrent_columns_;  // W and R, column after column
  std::vector<Real> start_;                              // the memories before the first step: biases
  std::vector<Real> memory_;
  std::vector<Real> hidden_, cell_state_, peepholes_;
  DeltaStream<Real> x_, h_, rh_;
  DeltaCounts counts_;
};

extern template class DeltaStream<float>;
extern template class DeltaStream<double>;
extern template class DeltaCell<float>;
extern template class DeltaCell<double>;

}  // namespace deltahop
