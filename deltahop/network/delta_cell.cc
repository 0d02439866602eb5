// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/delta_cell.h"

#include <algorithm>
#include <cmath>

namespace deltahop {
namespace {

// [rows, columns] row-major, as columns one after the other.
template <class Real>
std::vector<Real> columns_of(const std::vector<float>& matrix, int64_t columns) {
  std::vector<Real> result(matrix.size());
  const size_t width = static_cast<size_t>(columns), rows = width == 0 ? 0 : matrix.size() / width;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < width; ++column)
      result[column * rows + row] = static_cast<Real>(matrix[row * width + column]);
  }
  return result;
}

}  // namespace

int64_t DeltaCounts::read_weights(const CellRules& rules) const {
  const int64_t rh_rows = rules.multiplies_reset_hidden() ? hidden : 0;
  return sent_x * rules.gates() * hidden + sent_h * (rules.gates() * hidden - rh_rows) + sent_rh * rh_rows;
}

int64_t DeltaCounts::dense_weights(const CellRules& rules) const {
  return steps * rules.gates() * hidden * (inputs + hidden);
}

template <class Real>
void DeltaStream<Real>::reset() {
  std::fill(sent_.begin(), sent_.end(), Real{0});
  indices_.clear();
  changes_.clear();
}

template <class Real>
void DeltaStream<Real>::encode(std::span<const Real> signal) {
  DELTAHOP_CHECK(signal.size() == sent_.size());
  indices_.clear();
  changes_.clear();
  for (size_t i = 0; i < signal.size(); ++i) {
    const Real change = signal[i] - sent_[i];
    if (change == Real{0} || std::abs(change) < threshold_) continue;
    indices_.push_back(static_cast<uint32_t>(i));
    changes_.push_back(change);
    sent_[i] = signal[i];
  }
}

template <class Real>
DeltaCell<Real>::DeltaCell(const RecurrentCell& cell, DeltaThresholds thresholds)
    : rules_(cell),
      inputs_(cell.inputs),
      hidden_size_(cell.hidden),
      input_columns_(columns_of<Real>(cell.input_weights, cell.inputs)),
      recurrent_columns_(columns_of<Real>(cell.recurrent_weights, cell.hidden)),
      hidden_(static_cast<size_t>(cell.hidden)),
      cell_state_(cell.kind == CellKind::lstm ? hidden_.size() : 0),
      peepholes_(cell.peepholes.begin(), cell.peepholes.end()),
      x_(cell.inputs, thresholds.input),
      h_(cell.hidden, thresholds.hidden),
      rh_(cell.multiplies_reset_hidden() ? cell.hidden : 0, thresholds.reset_hidden) {
  start_.resize(cell.input_bias.size());
  for (size_t i = 0; i < start_.size(); ++i)
    start_[i] = static_cast<Real>(cell.input_bias[i]) + static_cast<Real>(cell.recurrent_bias[i]);
  if (cell.kind == CellKind::gru) {
    // The candidate's two biases stay apart: the reset gate multiplies one of them, or neither.
    start_.resize(4 * hidden_.size(), Real{0});
    for (size_t i = 0; i < hidden_.size() && cell.linear_before_reset; ++i) {
      const size_t candidate = 2 * hidden_.size() + i;
      start_[candidate] = static_cast<Real>(cell.input_bias[candidate]);
      start_[candidate + hidden_.size()] = static_cast<Real>(cell.recurrent_bias[candidate]);
    }
  }
  reset();
}

template <class Real>
void DeltaCell<Real>::reset() {
  memory_ = start_;
  std::fill(hidden_.begin(), hidden_.end(), Real{0});
  std::fill(cell_state_.begin(), cell_state_.end(), Real{0});
  x_.reset();
  h_.reset();
  rh_.reset();
  counts_ = {};
  counts_.inputs = inputs_;
  counts_.hidden = hidden_size_;
}

template <class Real>
void DeltaCell<Real>::add(const std::vector<Real>& columns, const DeltaStream<Real>& stream, int64_t first,
                          int64_t count, int64_t into) {
  const int64_t rows = rules_.gates() * hidden_size_;
  for (size_t k = 0; k < stream.indices().size(); ++k) {
    const Real* const column = columns.data() + stream.indices()[k] * rows + first;
    Real* const memory = memory_.data() + into;
    for (int64_t row = 0; row < count; ++row) memory[row] += column[row] * stream.changes()[k];
  }
}

template <class Real>
void DeltaCell<Real>::step(std::span<const Real> x) {
  const int64_t rows = rules_.gates() * hidden_size_;
  x_.encode(x);
  h_.encode(hidden_);
  add(input_columns_, x_, 0, rows, 0);
  ++counts_.steps;
  counts_.sent_x += static_cast<int64_t>(x_.indices().size());
  counts_.sent_h += static_cast<int64_t>(h_.indices().size());
  if (rules_.kind == CellKind::gru) return finish_gru_step();
  add(recurrent_columns_, h_, 0, rows, 0);
  std::vector<Real> gates = memory_;
  if (rules_.kind == CellKind::rnn)
    finish_rnn<Real>(rules_, gates, hidden_);
  else
    finish_lstm<Real>(rules_, peepholes_, gates, cell_state_, hidden_);
}

template <class Real>
void DeltaCell<Real>::finish_gru_step() {
  const size_t size = hidden_.size();
  const int64_t candidate = 2 * hidden_size_;
  add(recurrent_columns_, h_, 0, candidate, 0);
  if (rules_.linear_before_reset)
    add(recurrent_columns_, h_, candidate, hidden_size_, candidate + hidden_size_);
  std::vector<Real> gates(memory_.begin(), memory_.begin() + 3 * hidden_size_);
  activate_gru_gates<Real>(rules_, gates);
  const std::span<const Real> r = std::span<const Real>(gates).subspan(size, size);
  if (!rules_.linear_before_reset) {
    std::vector<Real> reset_hidden(size);
    for (size_t i = 0; i < size; ++i) reset_hidden[i] = r[i] * hidden_[i];
    rh_.encode(reset_hidden);
    counts_.sent_rh += static_cast<int64_t>(rh_.indices().size());
    add(recurrent_columns_, rh_, candidate, hidden_size_, candidate + hidden_size_);
  }
  for (size_t i = 0; i < size; ++i) {
    const Real recurrent = memory_[3 * size + i];
    gates[2 * size + i] += rules_.linear_before_reset ? r[i] * recurrent : recurrent;
  }
  finish_gru<Real>(rules_, gates, hidden_);
}

template <class Real>
void DeltaCell<Real>::set_hidden(std::span<const Real> hidden) {
  DELTAHOP_CHECK(hidden.size() == hidden_.size());
  std::copy(hidden.begin(), hidden.end(), hidden_.begin());
}

template <class Real>
void DeltaCell<Real>::set_cell_state(std::span<const Real> cell_state) {
  DELTAHOP_CHECK(cell_state.size() == cell_state_.size());
  std::copy(cell_state.begin(), cell_state.end(), cell_state_.begin());
}

template class DeltaStream<float>;
template class DeltaStream<double>;
template class DeltaCell<float>;
template class DeltaCell<double>;

}  // namespace deltahop
