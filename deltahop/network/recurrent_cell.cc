// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/recurrent_cell.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "deltahop/kernels/gates.h"
#include "deltahop/network/recurrent_attributes.h"

namespace deltahop {
namespace {

template <class Real, class Function>
void each(std::span<Real> values, Function function) {
  for (Real& value : values) value = function(value);
}

// The input as float32 values; throws where it is absent, not constant or of another size.
std::vector<float> constant_values(const Network& network, const Node& node, size_t index,
                                   std::string_view name, const Shape& shape) {
  const ValueId id = index < node.inputs.size() ? node.inputs[index] : kNoValue;
  const Tensor* const constant = id == kNoValue ? nullptr : network.value(id).constant.get();
  if (constant == nullptr)
    throw Error("", fmt::format("its {} is no constant of the network", name), "export it with its weights");
  if (constant->shape() != shape)
    throw Error("", fmt::format("{} must be {}, not {}", name, to_text(shape), to_text(constant->shape())));
  const Tensor floats = constant->converted(DataType::float32);
  return {floats.values<float>().begin(), floats.values<float>().end()};
}

std::vector<float> part(const std::vector<float>& all, int64_t index, int64_t size) {
  return {all.begin() + index * size, all.begin() + (index + 1) * size};
}

bool has_input(const Node& node, size_t index) {
  return index < node.inputs.size() && node.inputs[index] != kNoValue;
}

std::vector<RecurrentCell> cells_of(const Network& network, const Node& node, CellKind kind) {
  const RecurrentAttributes attributes(kind, node.layer->attributes());
  const auto shape_of = [&](size_t index, std::string_view name) {
    const ValueId id = has_input(node, index) ? node.inputs[index] : kNoValue;
    const Shape* const shape =
        id != kNoValue && network.value(id).shape ? &*network.value(id).shape : nullptr;
    if (shape == nullptr || shape->size() != 3)
      throw Error("", fmt::format("its {} has no known shape", name));
    return *shape;
  };
  const int64_t directions = attributes.directions(), gates = gates_of(kind);
  const int64_t inputs = shape_of(1, "W")[2], hidden = shape_of(2, "R")[2];
  const std::vector<float> w = constant_values(network, node, 1, "W", {directions, gates * hidden, inputs});
  const std::vector<float> r = constant_values(network, node, 2, "R", {directions, gates * hidden, hidden});
  std::vector<float> b(static_cast<size_t>(directions * 2 * gates * hidden), 0.0f), p;
  if (has_input(node, 3)) b = constant_values(network, node, 3, "B", {directions, 2 * gates * hidden});
  if (kind == CellKind::lstm && has_input(node, 7))
    p = constant_values(network, node, 7, "P", {directions, 3 * hidden});
  std::vector<RecurrentCell> cells;
  for (int64_t d = 0; d < directions; ++d) {
    RecurrentCell cell;
    static_cast<CellRules&>(cell) = attributes.rules(d);
    cell.inputs = inputs;
    cell.hidden = hidden;
    cell.reverse = attributes.is_reverse(d);
    cell.input_weights = part(w, d, gates * hidden * inputs);
    cell.recurrent_weights = part(r, d, gates * hidden * hidden);
    cell.input_bias = part(b, 2 * d, gates * hidden);
    cell.recurrent_bias = part(b, 2 * d + 1, gates * hidden);
    if (!p.empty()) cell.peepholes = part(p, d, 3 * hidden);
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace

std::string_view name_of(CellKind kind) {
  return kind == CellKind::lstm ? "LSTM" : kind == CellKind::gru ? "GRU" : "RNN";
}

std::optional<CellKind> cell_kind_of(const Layer& layer) {
  if (!layer.domain().empty()) return std::nullopt;
  for (const CellKind kind : {CellKind::rnn, CellKind::gru, CellKind::lstm}) {
    if (layer.operator_name() == name_of(kind)) return kind;
  }
  return std::nullopt;
}

std::vector<CellActivation> default_activations(CellKind kind) {
  const CellActivation sigmoid{Activation::sigmoid}, tanh{Activation::tanh};
  if (kind == CellKind::rnn) return {tanh};
  if (kind == CellKind::gru) return {sigmoid, tanh};
  return {sigmoid, tanh, tanh};
}

std::vector<RecurrentCell> recurrent_cells(const Network& network, const Node& node) {
  try {
    const auto kind = cell_kind_of(*node.layer);
    if (!kind) throw Error("", "is no recurrent layer", "GRU, LSTM and RNN are");
    return cells_of(network, node, *kind);
  } catch (const Error& error) {
    throw Error(fmt::format("node '{}' ({})", node.name, node.layer->operator_name()), error.what());
  }
}

template <class Real>
void activate(const CellActivation& activation, float clip, std::span<Real> values) {
  const Real bound = clip, alpha = activation.alpha, beta = activation.beta;
  if (clip != 0.0f) each(values, [=](Real x) { return std::clamp(x, -bound, bound); });
  if constexpr (std::is_same_v<Real, float>) {
    // The sigmoid stays the library's: of a gate near 1 the difference from 1 counts.
    if (activation.kind == Activation::tanh) return tanh_all(values, values);
  }
  switch (activation.kind) {
    case Activation::sigmoid:
      return each(values, [](Real x) { return Real{1} / (Real{1} + std::exp(-x)); });
    case Activation::tanh:
      return each(values, [](Real x) { return std::tanh(x); });
    case Activation::relu:
      return each(values, [](Real x) { return std::max(x, Real{0}); });
    case Activation::affine:
      return each(values, [=](Real x) { return alpha * x + beta; });
    case Activation::leaky_relu:
      return each(values, [=](Real x) { return x >= 0 ? x : alpha * x; });
    case Activation::thresholded_relu:
      return each(values, [=](Real x) { return x >= alpha ? x : Real{0}; });
    case Activation::scaled_tanh:
      return each(values, [=](Real x) { return alpha * std::tanh(beta * x); });
    case Activation::hard_sigmoid:
      return each(values, [=](Real x) { return std::clamp(alpha * x + beta, Real{0}, Real{1}); });
    case Activation::elu:
      return each(values, [=](Real x) { return x >= 0 ? x : alpha * std::expm1(x); });
    case Activation::softsign:
      return each(values, [](Real x) { return x / (Real{1} + std::abs(x)); });
    case Activation::softplus:
      // log(1 + e^x) without e^x overflowing
      return each(values, [](Real x) { return std::max(x, Real{0}) + std::log1p(std::exp(-std::abs(x))); });
  }
  check_failed("activation", __FILE__, __LINE__);
}

template <class Real>
void finish_rnn(const CellRules& rules, std::span<Real> gates, std::span<Real> hidden) {
  activate(rules.activations[0], rules.clip, gates);
  std::copy(gates.begin(), gates.end(), hidden.begin());
}

template <class Real>
void activate_gru_gates(const CellRules& rules, std::span<Real> gates) {
  activate(rules.activations[0], rules.clip, gates.first(gates.size() / 3 * 2));
}

template <class Real>
void finish_gru(const CellRules& rules, std::span<Real> gates, std::span<Real> hidden) {
  const size_t size = hidden.size();
  const std::span<Real> candidate = gates.subspan(2 * size, size);
  activate(rules.activations[1], rules.clip, candidate);
  for (size_t i = 0; i < size; ++i) hidden[i] = (Real{1} - gates[i]) * candidate[i] + gates[i] * hidden[i];
}

template <class Real>
void finish_lstm(const CellRules& rules, std::span<const Real> peepholes, std::span<Real> gates,
                 std::span<Real> cell, std::span<Real> hidden) {
  const size_t size = hidden.size();
  const std::span<Real> i = gates.subspan(0, size), o = gates.subspan(size, size),
                        f = gates.subspan(2 * size, size), c = gates.subspan(3 * size, size);
  const auto peep = [&](size_t which, std::span<Real> gate) {
    if (peepholes.empty()) return;
    for (size_t k = 0; k < size; ++k) gate[k] += peepholes[which * size + k] * cell[k];
  };
  const CellActivation& gate = rules.activations[0];
  peep(0, i);
  activate(gate, rules.clip, i);
  if (rules.input_forget) {
    for (size_t k = 0; k < size; ++k) f[k] = Real{1} - i[k];
  } else {
    peep(2, f);
    activate(gate, rules.clip, f);
  }
  activate(rules.activations[1], rules.clip, c);
  for (size_t k = 0; k < size; ++k) cell[k] = f[k] * cell[k] + i[k] * c[k];
  peep(1, o);
  activate(gate, rules.clip, o);
  std::copy(cell.begin(), cell.end(), hidden.begin());
  activate(rules.activations[2], 0.0f, hidden);
  for (size_t k = 0; k < size; ++k) hidden[k] *= o[k];
}

template void activate(const CellActivation&, float, std::span<float>);
template void activate(const CellActivation&, float, std::span<double>);
template void finish_rnn(const CellRules&, std::span<float>, std::span<float>);
template void finish_rnn(const CellRules&, std::span<double>, std::span<double>);
template void activate_gru_gates(const CellRules&, std::span<float>);
template void activate_gru_gates(const CellRules&, std::span<double>);
template void finish_gru(const CellRules&, std::span<float>, std::span<float>);
template void finish_gru(const CellRules&, std::span<double>, std::span<double>);
template void finish_lstm(const CellRules&, std::span<const float>, std::span<float>, std::span<float>,
                          std::span<float>);
template void finish_lstm(const CellRules&, std::span<const double>, std::span<double>, std::span<double>,
                          std::span<double>);

}  // namespace deltahop
