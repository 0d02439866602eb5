// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/cell_layout.h"

#include <algorithm>
#include <cmath>

#include "deltahop/run/delta_operand.h"

namespace deltahop {
namespace {

// How much finer a stream may be coded than another that shares its memories: 2^6 leaves at least 8 bits.
constexpr double kMostCoarser = 64;

using Blocks = std::vector<int64_t>;  // gates in the order wanted

// The given gates of a stack [gates * hidden, columns].
std::vector<float> gate_rows(const std::vector<float>& stack, int64_t hidden, int64_t columns,
                             const Blocks& gates) {
  std::vector<float> result;
  for (const int64_t gate : gates) {
    const auto begin = stack.begin() + gate * hidden * columns;
    result.insert(result.end(), begin, begin + hidden * columns);
  }
  return result;
}

OperandLayout operand(const RecurrentCell& cell, std::string_view stream, int64_t first_block,
                      const Blocks& gates) {
  static constexpr std::string_view kLetters[] = {"h", "zrh", "iofc"};
  OperandLayout layout;
  layout.stream = stream;
  const bool is_input = stream == "x";
  layout.columns = is_input ? cell.inputs : cell.hidden;
  layout.first_row = first_block * cell.hidden;
  layout.rows = static_cast<int64_t>(gates.size()) * cell.hidden;
  layout.weights =
      gate_rows(is_input ? cell.input_weights : cell.recurrent_weights, cell.hidden, layout.columns, gates);
  for (const int64_t gate : gates) {
    if (!layout.gates.empty()) layout.gates += ' ';
    layout.gates += kLetters[static_cast<size_t>(cell.kind)][static_cast<size_t>(gate)];
  }
  return layout;
}

// Hidden states that a hyperbolic tangent bounds never leave [-1, 1].
double natural_hidden_range(const RecurrentCell& cell) {
  const size_t last = cell.kind == CellKind::lstm ? 2 : cell.kind == CellKind::gru ? 1 : 0;
  const auto is_bounded = [&](size_t index, Activation kind) {
    return cell.activations.at(index).kind == kind;
  };
  if (cell.kind == CellKind::rnn) return is_bounded(0, Activation::tanh) ? 1.0 : 0.0;
  return is_bounded(0, Activation::sigmoid) && is_bounded(last, Activation::tanh) ? 1.0 : 0.0;
}

double largest_in_row(const OperandLayout& operand, int64_t row) {
  double largest = 0;
  for (int64_t k = 0; k < operand.columns; ++k) {
    const double weight =
        static_cast<double>(operand.weights[static_cast<size_t>(row * operand.columns + k)]);
    largest = std::max(largest, std::fabs(weight));
  }
  return largest;
}

// The median, over the rows that both feed, of the first one's largest weight over the second one's; 0 where
// they share none.
double weight_proportion(const OperandLayout& a, const OperandLayout& b) {
  const int64_t begin = std::max(a.first_row, b.first_row);
  const int64_t end = std::min(a.first_row + a.rows, b.first_row + b.rows);
  std::vector<double> proportions;
  for (int64_t row = begin; row < end; ++row) {
    const double of_a = largest_in_row(a, row - a.first_row), of_b = largest_in_row(b, row - b.first_row);
    if (of_a > 0 && of_b > 0) proportions.push_back(of_a / of_b);
  }
  if (proportions.empty()) return 0;
  const auto middle = proportions.begin() + static_cast<std::ptrdiff_t>(proportions.size() / 2);
  std::nth_element(proportions.begin(), middle, proportions.end());
  return *middle;
}

}  // namespace

CellLayout layout_of(const RecurrentCell& cell, const DeltaThresholds& thresholds) {
  CellLayout layout;
  const int64_t hidden = cell.hidden;
  std::vector<float> both = cell.input_bias;
  for (size_t i = 0; i < both.size(); ++i) both[i] += cell.recurrent_bias[i];
  if (cell.kind == CellKind::gru) {
    layout.operands.push_back(operand(cell, "x", 0, {2, 0, 1}));
    layout.bias = gate_rows(both, hidden, 1, {2, 0, 1});
    if (cell.linear_before_reset) {
      layout.operands.push_back(operand(cell, "h", 1, {0, 1, 2}));
      layout.bias = gate_rows(cell.input_bias, hidden, 1, {2});
      const std::vector<float> gates = gate_rows(both, hidden, 1, {0, 1});
      const std::vector<float> candidate = gate_rows(cell.recurrent_bias, hidden, 1, {2});
      layout.bias.insert(layout.bias.end(), gates.begin(), gates.end());
      layout.bias.insert(layout.bias.end(), candidate.begin(), candidate.end());
    } else {
      layout.operands.push_back(operand(cell, "h", 1, {0, 1}));
      layout.operands.push_back(operand(cell, "rh", 0, {2}));
    }
  } else {
    const Blocks all = cell.kind == CellKind::lstm ? Blocks{0, 1, 2, 3} : Blocks{0};
    layout.operands.push_back(operand(cell, "x", 0, all));
    layout.operands.push_back(operand(cell, "h", 0, all));
    layout.bias = both;
  }
  layout.rows = static_cast<int64_t>(layout.bias.size());
  for (OperandLayout& each : layout.operands) {
    each.threshold = each.stream == "x"   ? thresholds.input
                     : each.stream == "h" ? thresholds.hidden
                                          : thresholds.reset_hidden;
    if (each.stream != "x") each.range = natural_hidden_range(cell);
  }
  return layout;
}

int64_t largest_weight_of(Precision precision) { return precision == Precision::int8 ? 127 : 32767; }

std::vector<float> choose_units(std::span<OperandLayout> operands, int64_t rows, int64_t largest_weight) {
  for (OperandLayout& each : operands) {
    DELTAHOP_CHECK(each.range > 0);
    each.scale = static_cast<double>(kLargestCode) / each.range;
  }
  // Every further operand against the first one (the input): they share memories with it, not with each
  // other.
  for (size_t i = 1; i < operands.size(); ++i) {
    OperandLayout &first = operands[0], &other = operands[i];
    const double proportion = weight_proportion(first, other);
    if (proportion == 0) continue;
    const double finest = static_cast<double>(kLargestCode) / other.range;
    const double wanted = first.scale / proportion;
    if (wanted > finest && i == 1) {  // the first one is too fine for the others
      first.scale = std::max(finest * proportion, first.scale / kMostCoarser);
    }
    other.scale = std::clamp(first.scale / proportion, finest / kMostCoarser, finest);
  }
  std::vector<double> units(static_cast<size_t>(rows), 0.0);
  for (const OperandLayout& each : operands) {
    for (int64_t row = 0; row < each.rows; ++row) {
      double& unit = units[static_cast<size_t>(each.first_row + row)];
      unit = std::max(unit, largest_in_row(each, row) / (static_cast<double>(largest_weight) * each.scale));
    }
  }
  std::vector<float> result;
  for (const double unit : units) result.push_back(unit > 0 ? static_cast<float>(unit) : 1.0F);
  return result;
}

template <class W>
std::vector<W> rounded_weights(const OperandLayout& operand, std::span<const float> units) {
  std::vector<W> result(operand.weights.size());
  const double limit = std::is_same_v<W, int8_t> ? 127 : 32767;
  for (int64_t row = 0; row < operand.rows; ++row) {
    const double step =
        static_cast<double>(units[static_cast<size_t>(operand.first_row + row)]) * operand.scale;
    for (int64_t k = 0; k < operand.columns; ++k) {
      const auto at = static_cast<size_t>(row * operand.columns + k);
      const double code = std::nearbyint(static_cast<double>(operand.weights[at]) / step);
      result[at] = static_cast<W>(std::clamp(code, -limit, limit));
    }
  }
  return result;
}

template std::vector<int8_t> rounded_weights(const OperandLayout&, std::span<const float>);
template std::vector<int16_t> rounded_weights(const OperandLayout&, std::span<const float>);

}  // namespace deltahop
