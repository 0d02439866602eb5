// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/recurrent_sequence.h"

#include <algorithm>

#include "deltahop/base/parallel.h"
#include "deltahop/network/matrix_product.h"

namespace deltahop {
namespace {

constexpr int64_t kBlockValues = 1 << 22;  // of the input's part of the gates that are in memory at a time

void product(const MatrixProduct& shape, std::span<const float> a, std::span<const float> b,
             std::span<float> c, int threads) {
  multiply(shape, a, b, c, threads);
}
void product(const MatrixProduct& shape, std::span<const double> a, std::span<const double> b,
             std::span<double> c, int threads) {
  multiply_plain<double, double>(shape, a, b, c, threads);
}

template <class Real>
class Sequence {
 public:
  Sequence(SequenceTask<Real>& task, int threads)
      : task_(task),
        shape_(task.shape),
        rows_(task.rules.gates() * task.shape.hidden),
        threads_(threads),
        recurrent_(static_cast<size_t>(shape_.batch * rows_)) {}

  void run() {
    const int64_t values = shape_.batch * (rows_ + shape_.inputs);
    const int64_t block = std::max<int64_t>(1, kBlockValues / std::max<int64_t>(1, values));
    const int64_t longest =
        task_.lengths.empty() ? 0 : *std::max_element(task_.lengths.begin(), task_.lengths.end());
    for (int64_t begin = 0; begin < longest; begin += block) {
      const int64_t end = std::min(begin + block, longest);
      multiply_inputs(begin, end);
      for (int64_t step = begin; step < end; ++step) take(step, step - begin);
    }
  }

 private:
  // Where in the sequence a sample's step lies: each sample is gone through from its own end.
  int64_t position(int64_t step, int64_t sample) const {
    return task_.reverse ? task_.lengths[static_cast<size_t>(sample)] - 1 - step : step;
  }
  bool has_ended(int64_t step, int64_t sample) const {
    return step >= task_.lengths[static_cast<size_t>(sample)];
  }
  // The part of a bias that is added before anything else; the candidate's recurrent bias of a GRU may not
  // be.
  Real bias(int64_t row) const {
    if (task_.weights.bias.empty()) return Real{0};
    const bool apart = task_.rules.linear_before_reset && row >= 2 * shape_.hidden;
    const Real input = task_.weights.bias[static_cast<size_t>(row)];
    return apart ? input : input + task_.weights.bias[static_cast<size_t>(row + rows_)];
  }

  // inputs_ [steps of the block, batch, gates * hidden]
  void multiply_inputs(int64_t begin, int64_t end) {
    const int64_t samples = (end - begin) * shape_.batch;
    frames_.assign(static_cast<size_t>(samples * shape_.inputs), Real{0});
    inputs_.resize(static_cast<size_t>(samples * rows_));
    for (int64_t step = begin, row = 0; step < end; ++step) {
      for (int64_t sample = 0; sample < shape_.batch; ++sample, ++row) {
        if (has_ended(step, sample)) continue;
        const Real* const from =
            task_.x + position(step, sample) * task_.x_strides.step + sample * task_.x_strides.batch;
        std::copy_n(from, shape_.inputs, frames_.data() + row * shape_.inputs);
      }
    }
    product({samples, shape_.inputs, rows_, false, true}, std::span<const Real>(frames_), task_.weights.input,
            inputs_, threads_);
    std::vector<Real> biases(static_cast<size_t>(rows_));
    for (int64_t row = 0; row < rows_; ++row) biases[static_cast<size_t>(row)] = bias(row);
    for (size_t at = 0; at < inputs_.size(); at += biases.size()) {
      for (size_t row = 0; row < biases.size(); ++row) inputs_[at + row] += biases[row];
    }
  }

  void take(int64_t step, int64_t in_block) {
    const bool late_candidate = task_.rules.multiplies_reset_hidden();
    // R times the state; the candidate's rows wait where they multiply the reset state.
    const int64_t first_rows = late_candidate ? 2 * shape_.hidden : rows_;
    recurrent_.resize(static_cast<size_t>(shape_.batch * first_rows));
    product({shape_.batch, shape_.hidden, first_rows, false, true}, std::span<const Real>(task_.hidden),
            task_.weights.recurrent.first(static_cast<size_t>(first_rows * shape_.hidden)), recurrent_,
            threads_);
    const std::span<Real> gates = std::span<Real>(inputs_).subspan(
        static_cast<size_t>(in_block * shape_.batch * rows_), static_cast<size_t>(shape_.batch * rows_));
    if (late_candidate) multiply_reset_hidden(gates);
    for_samples([&](int64_t sample) {
      if (has_ended(step, sample)) return;
      const auto own = part(gates, sample, rows_);
      finish(sample, own);
      const auto hidden = part(std::span<Real>(task_.hidden), sample, shape_.hidden);
      std::copy(hidden.begin(), hidden.end(),
                task_.y + position(step, sample) * task_.y_strides.step + sample * task_.y_strides.batch);
    });
  }

  void multiply_reset_hidden(std::span<Real> gates) {
    const int64_t size = shape_.hidden;
    reset_hidden_.resize(static_cast<size_t>(shape_.batch * size));
    candidate_.resize(reset_hidden_.size());
    for_samples([&](int64_t sample) {
      const auto own = part(gates, sample, rows_);
      add(part(std::span<Real>(recurrent_), sample, 2 * size), own);
      activate_gru_gates<Real>(task_.rules, own);
      for (int64_t i = 0; i < size; ++i) {
        const auto at = static_cast<size_t>(sample * size + i);
        reset_hidden_[at] = own[static_cast<size_t>(size + i)] * task_.hidden[at];
      }
    });
    product({shape_.batch, size, size, false, true}, std::span<const Real>(reset_hidden_),
            task_.weights.recurrent.subspan(static_cast<size_t>(2 * size * size)), candidate_, threads_);
    for_samples([&](int64_t sample) {
      add(part(std::span<Real>(candidate_), sample, size),
          part(gates, sample, rows_).subspan(static_cast<size_t>(2 * size)));
    });
  }

  // gates: the input's part, for a GRU without linear_before_reset all that goes into the candidate.
  void finish(int64_t sample, std::span<Real> gates) {
    const auto hidden = part(std::span<Real>(task_.hidden), sample, shape_.hidden);
    if (task_.rules.multiplies_reset_hidden()) return finish_gru<Real>(task_.rules, gates, hidden);
    const auto recurrent = part(std::span<Real>(recurrent_), sample, rows_);
    if (task_.rules.kind == CellKind::gru) {
      const size_t size = hidden.size();
      add(recurrent.first(2 * size), gates);
      activate_gru_gates<Real>(task_.rules, gates);
      for (size_t i = 0; i < size; ++i) {
        const Real own_bias =
            task_.weights.bias.empty() ? Real{0} : task_.weights.bias[5 * size + i];  // Rb of the candidate
        gates[2 * size + i] += gates[size + i] * (recurrent[2 * size + i] + own_bias);
      }
      return finish_gru<Real>(task_.rules, gates, hidden);
    }
    add(recurrent, gates);
    if (task_.rules.kind == CellKind::rnn) return finish_rnn<Real>(task_.rules, gates, hidden);
    finish_lstm<Real>(task_.rules, task_.weights.peepholes, gates,
                      part(std::span<Real>(task_.cell), sample, shape_.hidden), hidden);
  }

  template <class Body>
  void for_samples(Body&& body) {
    constexpr int64_t kSmallestWork = 1 << 13;  // values worth a thread of their own
    parallel_for(
        threads_, shape_.batch,
        [&](int64_t begin, int64_t end) {
          for (int64_t sample = begin; sample < end; ++sample) body(sample);
        },
        std::max<int64_t>(1, kSmallestWork / std::max<int64_t>(1, rows_)));
  }
  static std::span<Real> part(std::span<Real> all, int64_t index, int64_t size) {
    return all.subspan(static_cast<size_t>(index * size), static_cast<size_t>(size));
  }
  static void add(std::span<const Real> values, std::span<Real> to) {
    for (size_t i = 0; i < values.size(); ++i) to[i] += values[i];
  }

  SequenceTask<Real>& task_;
  const SequenceShape shape_;
  const int64_t rows_;  // gates * hidden
  const int threads_;
  std::vector<Real> frames_, inputs_;           // of a block of steps
  std::vector<Real> recurrent_;                 // [batch, rows]: R times the state
  std::vector<Real> reset_hidden_, candidate_;  // [batch, hidden]
};

}  // namespace

template <class Real>
void run_sequence(SequenceTask<Real>& task, int threads) {
  Sequence<Real>(task, threads).run();
}
template void run_sequence(SequenceTask<float>&, int);
template void run_sequence(SequenceTask<double>&, int);

}  // namespace deltahop
