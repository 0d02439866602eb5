// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/delta_engine.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/kernels/gates.h"
#include "deltahop/network/quantized_gru.h"
#include "deltahop/run/engine_core.h"
#include "deltahop/run/fixed_point_cell.h"

namespace deltahop {
namespace {

// Beside the number types: how a cell ends a step.
struct CellParts {
  CellRules rules;
  std::vector<float> peepholes;
  int64_t hidden = 0;
};

template <class W, class Sum>
class CellOf final : public EngineCore<CellEngine, W, Sum> {
 public:
  CellOf(EngineParts parts, std::vector<ColumnPanel<W>> panels, CellParts cell)
      : EngineCore<CellEngine, W, Sum>(std::move(parts), std::move(panels)),
        cell_(std::move(cell)),
        is_usual_(cell_.rules.activations == default_activations(cell_.rules.kind) &&
                  cell_.rules.clip == 0.0F && !cell_.rules.input_forget),
        reset_hidden_(cell_.rules.multiplies_reset_hidden() ? state_size() : 0),
        gates_(is_usual_ ? 0 : static_cast<size_t>(this->rows_ * this->options_.streams)) {}

  void step(std::span<const float> x, std::span<float> hidden, std::span<float> cell) override {
    const int64_t streams = this->options_.streams;
    this->begin();
    this->add(0, x);
    this->add(1, hidden);
    if (!reset_hidden_.empty()) {
      for (int64_t s = 0; s < streams; ++s)
        reset_state(s, part<float>(hidden, s), part<float>(reset_hidden_, s));
      this->add(2, reset_hidden_);
    }
    for (int64_t s = 0; s < streams; ++s) {
      const std::span<float> own_cell = cell.empty() ? cell : part<float>(cell, s);
      if (is_usual_)
        finish_usual(s, part<float>(hidden, s), own_cell);
      else
        finish_other(s, part<float>(hidden, s), own_cell);
    }
  }

 private:
  size_t state_size() const { return static_cast<size_t>(cell_.hidden * this->options_.streams); }
  template <class T>
  std::span<T> part(std::span<T> all, int64_t stream) const {
    return all.subspan(static_cast<size_t>(stream * cell_.hidden), static_cast<size_t>(cell_.hidden));
  }
  std::span<float> gates(int64_t stream) {
    return std::span(gates_).subspan(static_cast<size_t>(stream * this->rows_),
                                     static_cast<size_t>(this->rows_));
  }
  GateSums<Sum> sums(int64_t stream) { return {this->memory(stream), this->units_, this->bias_}; }

  void finish_usual(int64_t stream, std::span<float> hidden, std::span<float> cell) {
    switch (cell_.rules.kind) {
      case CellKind::rnn:
        return rnn_gates(sums(stream), hidden);
      case CellKind::lstm:
        return lstm_gates(sums(stream), cell_.peepholes, cell, hidden);
      case CellKind::gru:
        return cell_.rules.linear_before_reset ? gru_gates(sums(stream), hidden)
                                               : gru_update(sums(stream), hidden);
    }
  }

  // Reset before the product: r * h, whose changes are sent then.
  void reset_state(int64_t stream, std::span<const float> hidden, std::span<float> reset_hidden) {
    if (is_usual_) return gru_reset(sums(stream), hidden, reset_hidden);
    const std::span<float> own = activated_gates(stream);
    for (size_t i = 0; i < hidden.size(); ++i) reset_hidden[i] = own[2 * hidden.size() + i] * hidden[i];
  }

  // Memories [c z r (c of h)] read out, z and r after their activation.
  std::span<float> activated_gates(int64_t stream) {
    const auto size = static_cast<size_t>(cell_.hidden);
    const std::span<float> own = gates(stream);
    this->read_out(stream, own);
    activate(cell_.rules.activations[0], cell_.rules.clip, own.subspan(size, 2 * size));
    return own;
  }

  // Any activation, clipping and coupled gates: the general code, gate after gate.
  void finish_other(int64_t stream, std::span<float> hidden, std::span<float> cell) {
    const auto size = static_cast<size_t>(cell_.hidden);
    const std::span<float> own = gates(stream);
    if (cell_.rules.kind != CellKind::gru) {
      this->read_out(stream, own);
      if (cell_.rules.kind == CellKind::rnn) return finish_rnn<float>(cell_.rules, own, hidden);
      return finish_lstm<float>(cell_.rules, cell_.peepholes, own, cell, hidden);
    }
    if (cell_.rules.linear_before_reset) {
      activated_gates(stream);
      for (size_t i = 0; i < size; ++i) own[i] += own[2 * size + i] * own[3 * size + i];
    } else {
      this->read_out(stream, own.first(size));  // the candidate, now with its part of r * h
    }
    // The rest of the step takes [z r c].
    std::rotate(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(size),
                own.begin() + static_cast<std::ptrdiff_t>(3 * size));
    finish_gru<float>(cell_.rules, own.first(3 * size), hidden);
  }

  CellParts cell_;
  bool is_usual_;
  std::vector<float> reset_hidden_, gates_;  // [streams][H], [streams][rows]
};

template <class W, class Sum>
class ProductOf final : public EngineCore<ProductEngine, W, Sum> {
 public:
  using EngineCore<ProductEngine, W, Sum>::EngineCore;
  void multiply(std::span<const float> values, std::span<float> out) override {
    this->begin();
    this->add(0, values);
    const auto rows = static_cast<size_t>(this->rows_);
    for (int64_t s = 0; s < this->options_.streams; ++s)
      this->read_out(s, out.subspan(static_cast<size_t>(s) * rows, rows));
  }
};

// The ranges that integers need, from the options where they are there.
void set_ranges(EngineParts& parts) {
  if (parts.options.precision == Precision::float32) return;
  for (OperandLayout& operand : parts.operands) {
    const std::string key = parts.options.name + "." + operand.stream;
    const auto found = parts.options.ranges.find(key);
    // A natural bound stays: an input seen so far may have been a quiet one.
    if (found != parts.options.ranges.end()) operand.range = std::max(operand.range, found->second);
    if (found != parts.options.ranges.end() && operand.range == 0) operand.range = 1;  // nothing but zeros
    if (operand.range > 0) continue;
    throw Error(fmt::format("node '{}' ({})", parts.options.name, parts.options.kind),
                fmt::format("integers need the range of its values '{}'", operand.stream),
                "let a float session record it on typical input");
  }
}

}  // namespace

std::unique_ptr<CellEngine> make_cell_engine(const RecurrentCell& cell, const EngineOptions& options) {
  if (options.precision == Precision::edge_drnn) {
    try {
      return make_fixed_point_cell(quantized_gru(cell, DeltaGruFormats(), options.thresholds).layer, options);
    } catch (const Error& error) {
      throw Error(fmt::format("node '{}' ({})", options.name, options.kind), error.what());
    }
  }
  CellLayout layout = layout_of(cell, options.thresholds);
  EngineParts parts{options, layout.rows, std::move(layout.operands), std::move(layout.bias), {}};
  set_ranges(parts);
  const CellParts own{cell, cell.peepholes, cell.hidden};
  return make_with_types(
      std::move(parts),
      [&]<class W, class Sum>(EngineParts all,
                              std::vector<ColumnPanel<W>> panels) -> std::unique_ptr<CellEngine> {
        return std::make_unique<CellOf<W, Sum>>(std::move(all), std::move(panels), own);
      });
}

std::unique_ptr<ProductEngine> make_product_engine(const ProductWeights& weights,
                                                   const EngineOptions& options) {
  OperandLayout operand;
  operand.stream = weights.stream;
  operand.rows = weights.rows;
  operand.columns = weights.columns;
  operand.weights = weights.weights;
  operand.threshold = options.thresholds.input;
  EngineParts parts{options, weights.rows, {std::move(operand)}, weights.bias, {}};
  parts.bias.resize(static_cast<size_t>(weights.rows), 0.0F);
  if (options.precision == Precision::edge_drnn) parts.options.precision = Precision::float32;
  set_ranges(parts);
  return make_with_types(
      std::move(parts),
      [&]<class W, class Sum>(EngineParts all,
                              std::vector<ColumnPanel<W>> panels) -> std::unique_ptr<ProductEngine> {
        return std::make_unique<ProductOf<W, Sum>>(std::move(all), std::move(panels));
      });
}

}  // namespace deltahop
