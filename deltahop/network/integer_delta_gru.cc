// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/integer_delta_gru.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// f(code) as a code with only gate_fraction_bits of its fraction in use.
template <class Function>
int16_t table_entry(int16_t code, const DeltaGruFormats& formats, Function&& f) {
  const double value = f(std::ldexp(static_cast<double>(code), -formats.activation.fraction_bits));
  const FixedFormat gate{16, formats.gate_fraction_bits};
  const int64_t rounded = quantized(value, gate, Rounding::half_even);
  return static_cast<int16_t>(rounded << (formats.activation.fraction_bits - formats.gate_fraction_bits));
}

void add_column(std::vector<int64_t>& memory, std::span<const int16_t> column, int64_t delta) {
  for (size_t unit = 0; unit < memory.size(); ++unit) memory[unit] += delta * column[unit];
}

int16_t cut(int64_t value, FixedFormat format) {
  return static_cast<int16_t>(wrapped(value, format.total_bits));
}

}  // namespace

std::span<const int16_t> IntegerDeltaGruLayer::input_column(int64_t i) const {
  return std::span(input_columns).subspan(static_cast<size_t>(i * rows()), static_cast<size_t>(rows()));
}
std::span<const int16_t> IntegerDeltaGruLayer::recurrent_column(int64_t j) const {
  return std::span(recurrent_columns).subspan(static_cast<size_t>(j * rows()), static_cast<size_t>(rows()));
}

int64_t wrapped(int64_t value, int bits) {
  const int unused = 64 - bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

int16_t table_sigmoid(int16_t code, const DeltaGruFormats& formats) {
  return table_entry(code, formats, [](double x) { return 1 / (1 + std::exp(-x)); });
}
int16_t table_tanh(int16_t code, const DeltaGruFormats& formats) {
  return table_entry(code, formats, [](double x) { return std::tanh(x); });
}

ActivationTables::ActivationTables(const DeltaGruFormats& formats) : sigmoids(65536), tanhs(65536) {
  for (int code = -32768; code < 32768; ++code) {
    const auto word = static_cast<int16_t>(code);
    sigmoids[static_cast<uint16_t>(word)] = table_sigmoid(word, formats);
    tanhs[static_cast<uint16_t>(word)] = table_tanh(word, formats);
  }
}

void check_formats(const DeltaGruFormats& formats) {
  const auto is_word = [](FixedFormat format) {
    return format.is_signed && format.fraction_bits >= 0 && format.fraction_bits < format.total_bits;
  };
  if (!is_word(formats.activation) || !is_word(formats.weight))
    throw Error("delta GRU",
                "numbers must be signed, with a fraction of 0 bits or more, shorter than the word");
  if (formats.gate_fraction_bits < 0 || formats.gate_fraction_bits > formats.activation.fraction_bits)
    throw Error("delta GRU", "gates cannot have a longer fraction than activations");
  if (formats.accumulator_bits < 16 || formats.accumulator_bits > 48)
    throw Error("delta GRU", "accumulators have 16 to 48 bits");
}

int16_t activated(const DeltaGruUnit& unit, const DeltaGruFormats& formats, const ActivationTables& tables) {
  const int activation = formats.activation.fraction_bits;
  const int weight = formats.weight.fraction_bits;
  const auto gate_input = [&](int64_t memory) {
    const int64_t held = wrapped(memory, formats.accumulator_bits);
    return cut(shift_rounded(held, weight, Rounding::half_even), formats.activation);
  };
  const int64_t one = int64_t{1} << activation;
  const int64_t r = tables.sigmoid(gate_input(unit.reset));
  const int64_t u = tables.sigmoid(gate_input(unit.update));
  // Both parts of the candidate at the finer of their two scales: 2^-(a + w) and 2^-2a.
  const int fraction = std::max(activation + weight, 2 * activation);
  const int64_t from_x = wrapped(unit.candidate_x, formats.accumulator_bits)
                         << (fraction - activation - weight);
  const int64_t from_h = r * gate_input(unit.candidate_h) << (fraction - 2 * activation);
  const int64_t c = tables.tanh(
      cut(shift_rounded(from_x + from_h, fraction - activation, Rounding::half_even), formats.activation));
  // Two roundings, as the hardware's one multiplier makes the products one after the other.
  return cut(shift_rounded((one - u) * c, activation, Rounding::half_even) +
                 shift_rounded(u * unit.hidden, activation, Rounding::half_even),
             formats.activation);
}

int16_t sent_delta(int16_t value, int16_t& reference, int32_t theta, FixedFormat format) {
  const int64_t difference = int64_t{value} - reference;
  if (difference == 0 || std::abs(difference) < theta) return 0;
  const auto delta = static_cast<int16_t>(std::clamp(difference, format.lowest(), format.highest()));
  reference = static_cast<int16_t>(reference + delta);
  return delta;
}

IntegerDeltaGru::IntegerDeltaGru(std::shared_ptr<const IntegerDeltaGruLayer> layer)
    : layer_(std::move(layer)), tables_(layer_->formats) {
  const IntegerDeltaGruLayer& l = *layer_;
  DELTAHOP_CHECK(l.inputs > 0 && l.hidden > 0);
  DELTAHOP_CHECK(std::ssize(l.bias) == l.rows());
  DELTAHOP_CHECK(std::ssize(l.input_columns) == l.inputs * l.rows());
  DELTAHOP_CHECK(std::ssize(l.recurrent_columns) == l.hidden * l.rows());
  DELTAHOP_CHECK(l.candidate_recurrent_bias.empty() || std::ssize(l.candidate_recurrent_bias) == l.hidden);
  check_formats(l.formats);
  hidden_.resize(static_cast<size_t>(l.hidden));
  h_reference_.resize(static_cast<size_t>(l.hidden));
  x_reference_.resize(static_cast<size_t>(l.inputs));
  for (std::vector<int64_t>& memory : memories_) memory.resize(static_cast<size_t>(l.hidden));
  reset();
}

void IntegerDeltaGru::reset() {
  std::fill(hidden_.begin(), hidden_.end(), int16_t{0});
  std::fill(h_reference_.begin(), h_reference_.end(), int16_t{0});
  std::fill(x_reference_.begin(), x_reference_.end(), int16_t{0});
  const int64_t one = int64_t{1} << layer_->formats.activation.fraction_bits;
  const auto units = static_cast<size_t>(layer_->hidden);
  for (size_t gate = 0; gate < 3; ++gate)
    for (size_t unit = 0; unit < units; ++unit)
      memories_[gate][unit] = one * layer_->bias[gate * units + unit];
  std::fill(memories_[3].begin(), memories_[3].end(), 0);
  if (!layer_->candidate_recurrent_bias.empty())
    add_column(memories_[3], layer_->candidate_recurrent_bias, one);
  sent_x_.clear();
  sent_h_.clear();
  largest_memory_ = wraps_ = 0;
}

void IntegerDeltaGru::watch_range(int64_t memory) {
  largest_memory_ = std::max(largest_memory_, std::abs(memory));
  const int bits = std::min(layer_->formats.accumulator_bits,
                            layer_->formats.activation.total_bits + layer_->formats.weight.fraction_bits);
  if (wrapped(memory, bits) != memory) ++wraps_;
}

void IntegerDeltaGru::step(std::span<const int16_t> x) {
  const IntegerDeltaGruLayer& l = *layer_;
  DELTAHOP_CHECK(std::ssize(x) == l.inputs);
  const auto units = static_cast<size_t>(l.hidden);
  sent_x_.clear();
  sent_h_.clear();
  for (size_t i = 0; i < x.size(); ++i) {
    const int16_t delta = sent_delta(x[i], x_reference_[i], l.theta_x, l.formats.activation);
    if (delta == 0) continue;
    sent_x_.push_back(static_cast<int32_t>(i));
    const std::span<const int16_t> column = l.input_column(static_cast<int64_t>(i));
    for (size_t gate = 0; gate < 3; ++gate)
      add_column(memories_[gate], column.subspan(gate * units, units), delta);
  }
  for (size_t j = 0; j < units; ++j) {
    const int16_t delta = sent_delta(hidden_[j], h_reference_[j], l.theta_h, l.formats.activation);
    if (delta == 0) continue;
    sent_h_.push_back(static_cast<int32_t>(j));
    const std::span<const int16_t> column = l.recurrent_column(static_cast<int64_t>(j));
    for (size_t gate = 0; gate < 3; ++gate)
      add_column(memories_[gate == 2 ? 3 : gate], column.subspan(gate * units, units), delta);
  }
  for (size_t unit = 0; unit < units; ++unit) {
    for (const std::vector<int64_t>& memory : memories_) watch_range(memory[unit]);
    hidden_[unit] = activated(
        {memories_[0][unit], memories_[1][unit], memories_[2][unit], memories_[3][unit], hidden_[unit]},
        l.formats, tables_);
  }
}

int64_t RecurrentTrace::columns() const {
  return std::accumulate(sent_x.begin(), sent_x.end(), int64_t{0}) +
         std::accumulate(sent_h.begin(), sent_h.end(), int64_t{0});
}

void count_sent(RecurrentTrace& trace) {
  const IntegerDeltaGruLayer& layer = *trace.layer;
  const auto x = std::as_const(trace.inputs).values<int16_t>(),
             y = std::as_const(trace.outputs).values<int16_t>();
  std::vector<int16_t> x_reference(static_cast<size_t>(layer.inputs)),
      h_reference(static_cast<size_t>(layer.hidden));
  const auto count = [&](std::span<const int16_t> values, std::vector<int16_t>& references, int32_t theta) {
    int32_t sent = 0;
    for (size_t k = 0; k < references.size(); ++k)
      sent += sent_delta(values[k], references[k], theta, layer.formats.activation) != 0 ? 1 : 0;
    return sent;
  };
  trace.sent_x.clear();
  trace.sent_h.assign(1, 0);  // the first step starts from the references' zeros
  for (int64_t t = 0; t < trace.inputs.dim(0); ++t) {
    trace.sent_x.push_back(
        count(x.subspan(static_cast<size_t>(t * layer.inputs)), x_reference, layer.theta_x));
    if (t > 0)
      trace.sent_h.push_back(
          count(y.subspan(static_cast<size_t>((t - 1) * layer.hidden)), h_reference, layer.theta_h));
  }
}

RecurrentTrace run_sequence(std::shared_ptr<const IntegerDeltaGruLayer> layer, Tensor inputs) {
  DELTAHOP_CHECK(inputs.type() == DataType::int16 && inputs.shape().size() == 2);
  DELTAHOP_CHECK(inputs.shape()[1] == layer->inputs);
  const int64_t steps = inputs.shape()[0];
  IntegerDeltaGru gru(layer);
  RecurrentTrace trace;
  trace.outputs = Tensor(DataType::int16, {steps, layer->hidden});
  const std::span<const int16_t> x = std::as_const(inputs).values<int16_t>();
  const std::span<int16_t> h = trace.outputs.values<int16_t>();
  for (int64_t t = 0; t < steps; ++t) {
    gru.step(x.subspan(static_cast<size_t>(t * layer->inputs), static_cast<size_t>(layer->inputs)));
    std::copy(gru.hidden().begin(), gru.hidden().end(), h.begin() + t * layer->hidden);
    trace.sent_x.push_back(static_cast<int32_t>(gru.sent_x().size()));
    trace.sent_h.push_back(static_cast<int32_t>(gru.sent_h().size()));
  }
  trace.largest_memory = gru.largest_memory();
  trace.wraps = gru.wraps();
  trace.layer = std::move(layer);
  trace.inputs = std::move(inputs);
  return trace;
}

}  // namespace deltahop
