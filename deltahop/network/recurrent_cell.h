// SPDX-License-Identifier: Apache-2.0
// One direction of a recurrent layer (RNN, GRU, LSTM) with its weights, as ONNX defines them, and the
// element-wise part of a step. Who multiplies (dense, by deltas, in which arithmetic) is not this file's
// business.
//   for (const RecurrentCell& cell : recurrent_cells(network, node)) DeltaCell<float>(cell, thresholds) ...
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

enum class CellKind : uint8_t { rnn, gru, lstm };

std::string_view name_of(CellKind kind);                   // "GRU", as ONNX calls the operator
std::optional<CellKind> cell_kind_of(const Layer& layer);  // absent for all other layers
constexpr int64_t gates_of(CellKind kind) {                // stacked in the weights
  return kind == CellKind::lstm ? 4 : kind == CellKind::gru ? 3 : 1;
}

enum class Activation : uint8_t {
  sigmoid,
  tanh,
  relu,
  affine,            // alpha * x + beta
  leaky_relu,        // x, below zero alpha * x
  thresholded_relu,  // x from alpha on, else 0
  scaled_tanh,       // alpha * tanh(beta * x)
  hard_sigmoid,      // alpha * x + beta between 0 and 1
  elu,               // x, below zero alpha * (e^x - 1)
  softsign,          // x / (1 + |x|)
  softplus           // log(1 + e^x)
};

struct CellActivation {
  Activation kind = Activation::sigmoid;
  float alpha = 0.0f, beta = 0.0f;
  friend bool operator==(const CellActivation&, const CellActivation&) = default;
};

// What a cell does beside multiplying.
struct CellRules {
  CellKind kind = CellKind::gru;
  bool linear_before_reset = false;  // GRU: the reset gate multiplies R*h + Rb instead of h
  bool input_forget = false;         // LSTM: the forget gate is 1 - the input gate
  float clip = 0.0f;                 // bound of what goes into the gates' activations; 0: none
  std::vector<CellActivation>
      activations;  // f (gates), g (candidate), h (LSTM: cell state), as many as it takes

  int64_t gates() const { return gates_of(kind); }
  // A GRU that multiplies r*h needs a delta stream of it.
  bool multiplies_reset_hidden() const { return kind == CellKind::gru && !linear_before_reset; }
};

// Gates are stacked in ONNX's order: GRU update z, reset r, candidate h; LSTM input i, output o, forget f,
// cell c.
struct RecurrentCell : CellRules {
  int64_t inputs = 0, hidden = 0;
  bool reverse = false;                  // goes through the sequence from its end
  std::vector<float> input_weights;      // W [gates * hidden, inputs], row-major
  std::vector<float> recurrent_weights;  // R [gates * hidden, hidden]
  std::vector<float> input_bias;         // Wb [gates * hidden], zeros where absent
  std::vector<float> recurrent_bias;     // Rb [gates * hidden], zeros where absent
  std::vector<float> peepholes;          // LSTM: P [3 * hidden], i o f; empty where absent
};

// The activations that ONNX uses where a file names none: f, g, h as many as the kind takes.
std::vector<CellActivation> default_activations(CellKind kind);

// The cells of a GRU, LSTM or RNN node whose weights are constants of the network, one a direction; weights
// of other types become float32. Throws Error, the node as place, for other nodes and for weights that
// something computes.
std::vector<RecurrentCell> recurrent_cells(const Network& network, const Node& node);

// Bounds the values to [-clip, clip] where clip is not 0, then applies the activation to each.
template <class Real>
void activate(const CellActivation& activation, float clip, std::span<Real> values);

// The element-wise end of a step, for one element of the batch. `gates` holds what goes into the activations
// and is used up; `hidden` (and `cell`) hold the state before and the state after.
template <class Real>
void finish_rnn(const CellRules& rules, std::span<Real> gates, std::span<Real> hidden);
// gates: z and r *after* their activation (activate_gru_gates), the candidate before.
template <class Real>
void activate_gru_gates(const CellRules& rules, std::span<Real> gates);
template <class Real>
void finish_gru(const CellRules& rules, std::span<Real> gates, std::span<Real> hidden);
// peepholes: [3 * hidden], or empty.
template <class Real>
void finish_lstm(const CellRules& rules, std::span<const Real> peepholes, std::span<Real> gates,
                 std::span<Real> cell, std::span<Real> hidden);

}  // namespace deltahop
