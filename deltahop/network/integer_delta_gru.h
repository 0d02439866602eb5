// SPDX-License-Identifier: Apache-2.0
// A delta GRU in integers, as EdgeDRNN computes it [Gao2020]: the integer executor of delta GRUs, and the
// reference that chips and kernels must equal bit for bit. Plain loops; clear before fast.
//   IntegerDeltaGru gru(layer);
//   gru.step(x);  gru.hidden();  gru.sent_x();
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "deltahop/tensor/fixed_point.h"
#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct DeltaGruFormats {
  FixedFormat activation{16, 8};  // x, h, deltas and thresholds
  FixedFormat weight{8, 7};       // weights and biases
  int accumulator_bits = 24;      // a register that wraps; its fraction is the sum of the two above
  int gate_fraction_bits = 4;     // what the sigmoid's and tanh's tables deliver
  friend bool operator==(const DeltaGruFormats&, const DeltaGruFormats&) = default;
};

// Gates in the order r (reset), u (update), c (candidate): rows [0, H), [H, 2H), [2H, 3H) of every column.
struct IntegerDeltaGruLayer {
  DeltaGruFormats formats;
  int64_t inputs = 0, hidden = 0;
  std::vector<int16_t> bias;               // [3H], of both products for r and u, of W x alone for c
  std::vector<int16_t> input_columns;      // [I][3H]
  std::vector<int16_t> recurrent_columns;  // [H][3H]
  // [H], the candidate's recurrent bias, inside the product with r; empty for none.
  std::vector<int16_t> candidate_recurrent_bias;
  int32_t theta_x = 0, theta_h = 0;  // in steps of the activation format

  int64_t rows() const { return 3 * hidden; }
  int64_t weights() const { return rows() * (inputs + hidden); }
  std::span<const int16_t> input_column(int64_t i) const;
  std::span<const int16_t> recurrent_column(int64_t j) const;
};

// The two tables by formula: 2^g values a unit, rounded half to even, in steps of the activation format.
int16_t table_sigmoid(int16_t code, const DeltaGruFormats& formats);
int16_t table_tanh(int16_t code, const DeltaGruFormats& formats);
struct ActivationTables {
  explicit ActivationTables(const DeltaGruFormats& formats);
  int16_t sigmoid(int16_t code) const { return sigmoids[static_cast<uint16_t>(code)]; }
  int16_t tanh(int16_t code) const { return tanhs[static_cast<uint16_t>(code)]; }
  std::vector<int16_t> sigmoids, tanhs;  // 65536 each, by the code's bits
};

// Which formats and register a layer may have; throws Error otherwise.
void check_formats(const DeltaGruFormats& formats);

// What the activation phase needs of one unit: its memories as the register holds them, and the old output.
struct DeltaGruUnit {
  int64_t reset = 0, update = 0, candidate_x = 0, candidate_h = 0;
  int16_t hidden = 0;
};
// The unit's new output. Memories are cut to the register first.
int16_t activated(const DeltaGruUnit& unit, const DeltaGruFormats& formats, const ActivationTables& tables);

// The value that a register of `bits` shows for `value`: two's complement, wrapping.
int64_t wrapped(int64_t value, int bits);
// The delta that is sent for this value, 0 for none; `reference` advances by what was sent. The difference of
// two words needs a bit more than a word and is clamped, so the rest follows in the next step.
int16_t sent_delta(int16_t value, int16_t& reference, int32_t theta, FixedFormat format);

class IntegerDeltaGru {
 public:
  explicit IntegerDeltaGru(std::shared_ptr<const IntegerDeltaGruLayer> layer);

  void reset();                           // all references and outputs 0, memories at the biases
  void step(std::span<const int16_t> x);  // [I]
  std::span<const int16_t> hidden() const { return hidden_; }
  // Columns whose delta was sent in the last step, ascending.
  std::span<const int32_t> sent_x() const { return sent_x_; }
  std::span<const int32_t> sent_h() const { return sent_h_; }
  // Exact sums before the register's wrapping: [H] each of r, u, c of x, c of h.
  std::span<const int64_t> memory(size_t index) const { return memories_.at(index); }

  const IntegerDeltaGruLayer& layer() const { return *layer_; }
  int64_t largest_memory() const { return largest_memory_; }  // magnitude, since reset
  int64_t wraps() const { return wraps_; }  // memories beyond the register or the gates' range, since reset

 private:
  void watch_range(int64_t memory);

  std::shared_ptr<const IntegerDeltaGruLayer> layer_;
  ActivationTables tables_;
  std::vector<int16_t> hidden_, x_reference_, h_reference_;
  std::vector<int32_t> sent_x_, sent_h_;
  std::array<std::vector<int64_t>, 4> memories_;
  int64_t largest_memory_ = 0, wraps_ = 0;
};

// A whole sequence through one layer: what chips take as a trace.
struct RecurrentTrace {
  std::shared_ptr<const IntegerDeltaGruLayer> layer;
  Tensor inputs, outputs;               // int16 [T, I], [T, H]
  std::vector<int32_t> sent_x, sent_h;  // columns sent in each step [T]
  int64_t largest_memory = 0, wraps = 0;

  int64_t steps() const { return static_cast<int64_t>(sent_x.size()); }
  int64_t columns() const;  // sent in all steps, biases not among them
};
// Fills in what was sent from inputs, outputs and thresholds alone: for traces that no weights made.
void count_sent(RecurrentTrace& trace);
RecurrentTrace run_sequence(std::shared_ptr<const IntegerDeltaGruLayer> layer, Tensor inputs);

}  // namespace deltahop
