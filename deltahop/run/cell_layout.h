// SPDX-License-Identifier: Apache-2.0
// How the matrices of a recurrent cell lie over one block of memories (the sums that the gates read), and the
// scales under which integers of several matrices may be added in one memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "deltahop/network/recurrent_cell.h"
#include "deltahop/run/session.h"

namespace deltahop {

// A matrix and the stream of values that it multiplies; its rows are added to the memories from first_row on.
struct OperandLayout {
  std::string stream;  // "x", "h", "rh"
  std::string gates;   // ONNX's letters of the rows
  int64_t first_row = 0, rows = 0, columns = 0;
  std::vector<float> weights;  // [rows, columns], row-major
  double threshold = 0;
  double range = 0;  // largest magnitude of the values; 0: not known
  double scale = 1;  // codes a unit of the values, where integers multiply
};

// Memories in the order that kernels/gates.h wants.
//   GRU, reset after the product: candidate of x, update, reset, candidate of h
//   GRU, reset before it:         candidate, update, reset
//   LSTM: input, output, forget, cell;  RNN: one block
struct CellLayout {
  int64_t rows = 0;
  std::vector<OperandLayout> operands;
  std::vector<float> bias;  // [rows]
};
CellLayout layout_of(const RecurrentCell& cell, const DeltaThresholds& thresholds);

// What one count of an integer memory is worth, a number a row, so that value = memory * unit. Chooses the
// scale of every operand, too: as fine as its range allows, but where two matrices feed the same rows, in
// such proportion that neither wastes bits of its weights. Ranges must be known.
std::vector<float> choose_units(std::span<OperandLayout> operands, int64_t rows, int64_t largest_weight);
int64_t largest_weight_of(Precision precision);  // 127 or 32767

// The weights as whole multiples of unit * scale, to the nearest; [rows, columns].
template <class W>
std::vector<W> rounded_weights(const OperandLayout& operand, std::span<const float> units);

}  // namespace deltahop
