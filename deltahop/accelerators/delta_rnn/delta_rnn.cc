// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/delta_rnn/delta_rnn.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace delta_rnn {
namespace {

// The input encoding unit: what was last sent, and the lists of non-zero values and of their positions.
class InputEncoder {
 public:
  explicit InputEncoder(const IntegerDeltaGruLayer& layer)
      : layer_(layer),
        x_sent_(static_cast<size_t>(layer.inputs)),
        h_sent_(static_cast<size_t>(layer.hidden)) {}

  void encode(std::span<const int16_t> x, std::span<const int16_t> h) {
    values.clear();
    positions.clear();
    scan(x, x_sent_, layer_.theta_x, 0);
    scan(h, h_sent_, layer_.theta_h, static_cast<int32_t>(layer_.inputs));
  }
  std::vector<int16_t> values;
  std::vector<int32_t> positions;

 private:
  void scan(std::span<const int16_t> signal, std::vector<int16_t>& sent, int32_t theta, int32_t first) {
    for (size_t k = 0; k < sent.size(); ++k) {
      const int16_t delta = sent_delta(signal[k], sent[k], theta, layer_.formats.activation);
      if (delta == 0) continue;
      values.push_back(delta);
      positions.push_back(first + static_cast<int32_t>(k));
    }
  }
  const IntegerDeltaGruLayer& layer_;
  std::vector<int16_t> x_sent_, h_sent_;
};

// Row `step` of [T, width].
std::span<const int16_t> step_of(const Tensor& codes, int64_t step, int64_t width) {
  return codes.values<int16_t>().subspan(static_cast<size_t>(step * width), static_cast<size_t>(width));
}

// The MACs' sums of r, u, c of x, c of h; weights of a column reach all of them at once.
class MatrixUnit {
 public:
  explicit MatrixUnit(const IntegerDeltaGruLayer& layer) : layer_(layer), tables_(layer.formats) {
    const auto units = static_cast<size_t>(layer.hidden);
    const int64_t one = int64_t{1} << layer.formats.activation.fraction_bits;
    for (auto& sums : sums_) sums.assign(units, 0);
    for (size_t row = 0; row < layer.bias.size(); ++row)
      sums_[row / units][row % units] = one * layer.bias[row];
    for (size_t unit = 0; unit < layer.candidate_recurrent_bias.size(); ++unit)
      sums_[3][unit] = one * layer.candidate_recurrent_bias[unit];
  }
  void multiply(int32_t position, int16_t delta) {
    const bool from_hidden = position >= layer_.inputs;
    const auto column =
        from_hidden ? layer_.recurrent_column(position - layer_.inputs) : layer_.input_column(position);
    const auto units = static_cast<size_t>(layer_.hidden);
    const std::array<size_t, 3> targets = {0, 1, from_hidden ? size_t{3} : size_t{2}};
    for (size_t unit = 0; unit < units; ++unit)
      for (size_t gate = 0; gate < 3; ++gate) {
        int64_t& sum = sums_[targets[gate]][unit];
        sum = wrapped(sum + int64_t{delta} * column[gate * units + unit], layer_.formats.accumulator_bits);
      }
  }
  void activate(std::span<int16_t> h) const {
    for (size_t unit = 0; unit < h.size(); ++unit)
      h[unit] = activated({sums_[0][unit], sums_[1][unit], sums_[2][unit], sums_[3][unit], h[unit]},
                          layer_.formats, tables_);
  }

 private:
  const IntegerDeltaGruLayer& layer_;
  ActivationTables tables_;
  std::array<std::vector<int64_t>, 4> sums_;
};

Stats book_layer(const DeltaRnnConfig& chip, const IntegerDeltaGruLayer& layer, const LayerEvents& events) {
  Stats stats;
  const auto phase = [&](Phase name, int64_t cycles) {
    stats.cycles_by_phase[static_cast<size_t>(name)] = Cycles(cycles);
  };
  phase(Phase::compute, events.compute_cycles);
  phase(Phase::delta_encoding, events.encoding_cycles);
  phase(Phase::activation, events.activation_cycles);
  stats.macs_done = events.columns * layer.rows();
  stats.macs_skipped_zero_input = events.steps * layer.weights() - stats.macs_done;
  stats.mac_slots_idle = chip.macs * events.compute_cycles - stats.macs_done;
  const int64_t value = chip.formats.activation.total_bits, sum = chip.formats.accumulator_bits;
  stats.at(MemoryLevel::dram, DataKind::input).read = Bits(events.steps * layer.inputs * value);
  stats.at(MemoryLevel::dram, DataKind::output).written = Bits(events.steps * layer.hidden * value);
  stats.at(MemoryLevel::weight_memory, DataKind::weight).read =
      Bits(stats.macs_done * chip.formats.weight.total_bits);
  // As EdgeDRNN's: what was sent of every element, outputs for the encoder and for the activation.
  stats.at(MemoryLevel::state_memory, DataKind::input) = {
      Bits(events.steps * (layer.inputs + 3 * layer.hidden) * value),
      Bits((events.columns + events.steps * layer.hidden) * value)};
  stats.at(MemoryLevel::partial_sum_memory, DataKind::partial_sum) = {
      Bits((stats.macs_done + events.steps * 4 * layer.hidden) * sum), Bits(stats.macs_done * sum)};
  return stats;
}

}  // namespace

void schedule_step(const DeltaRnnConfig& chip, const IntegerDeltaGruLayer& layer,
                   std::span<const int32_t> positions, LayerEvents& events) {
  const int64_t column = chip.column_cycles(layer.hidden);
  int64_t free = 0;
  for (const int32_t position : positions) free = std::max(free, position / chip.encoder_elements) + column;
  const int64_t scan = (layer.inputs + layer.hidden + chip.encoder_elements - 1) / chip.encoder_elements;
  const int64_t computing = std::ssize(positions) * column;
  ++events.steps;
  events.columns += std::ssize(positions);
  events.compute_cycles += computing;
  events.encoding_cycles += std::max(scan, free) - computing;
  events.activation_cycles += chip.activation_cycles(layer.hidden);
}

Arithmetic DeltaRnn::arithmetic() const {
  return {.activation_bits = config_.formats.activation.total_bits,
          .weight_bits = config_.formats.weight.total_bits,
          .rounding = Rounding::half_even,
          .overflow = Overflow::wrap};
}

Support DeltaRnn::supports(const FusedWorkload&) const {
  return {Placement::host, "only GRU layers run on the chip", ""};
}

std::string DeltaRnn::mapping_text(const FusedWorkload& workload) const {
  const int64_t units = workload.workload.shape.out_channels / 3;
  const int64_t cycles = config_.column_cycles(units);
  return fmt::format("{} cycle{} a column", cycles, cycles == 1 ? "" : "s");
}

std::string DeltaRnn::refusal_of(RecurrentLayers layers) const {
  if (layers.empty()) return "no recurrent layer";
  if (std::ssize(layers) > config_.most_layers)
    return fmt::format("{} layers; the chip runs {} (limits.layers)", layers.size(), config_.most_layers);
  int64_t bits = 0;
  for (size_t k = 0; k < layers.size(); ++k) {
    if (!(layers[k]->formats == config_.formats)) return "its number formats are not the chip's";
    bits += layers[k]->weights() * config_.formats.weight.total_bits;
    if (k > 0 && layers[k]->inputs != layers[k - 1]->hidden)
      return fmt::format("layer {}: {} inputs behind {} units", k + 1, layers[k]->inputs,
                         layers[k - 1]->hidden);
  }
  if (bits > config_.weight_memory.number())
    return fmt::format("weights of {}; its memories hold {} (limits.weight_memory)", to_text(Bits(bits)),
                       to_text(config_.weight_memory));
  return "";
}

Support DeltaRnn::supports_recurrent(RecurrentLayers layers) const {
  const std::string reason = refusal_of(layers);
  return {reason.empty() ? Placement::chip : Placement::host, reason, ""};
}

RecurrentCounts DeltaRnn::simulate_steps(std::span<const LayerTrace> layers,
                                         std::vector<DramRequest>* requests) const {
  if (requests != nullptr)
    throw Error(config_.architecture.name, "keeps its weights on the chip: no requests");
  RecurrentCounts counts;
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
  for (const LayerTrace& trace : layers) {
    DELTAHOP_CHECK(trace.recurrent != nullptr);
    stack.push_back(trace.recurrent->layer);
  }
  if (const std::string reason = refusal_of(stack); !reason.empty())
    throw Error(config_.architecture.name, fmt::format("cannot run this network: {}", reason));
  for (const LayerTrace& trace : layers) {
    const IntegerDeltaGruLayer& layer = *trace.recurrent->layer;
    InputEncoder encoder(layer);
    const std::vector<int16_t> zeros(static_cast<size_t>(layer.hidden));
    std::span<const int16_t> h = zeros;
    LayerEvents events;
    for (int64_t step = 0; step < trace.recurrent->steps(); ++step) {
      encoder.encode(step_of(trace.recurrent->inputs, step, layer.inputs), h);
      schedule_step(config_, layer, encoder.positions, events);
      h = step_of(trace.recurrent->outputs, step, layer.hidden);
    }
    counts.layers.push_back(book_layer(config_, layer, events));
  }
  return counts;
}

Stats DeltaRnn::simulate(const LayerTrace& trace) const { return simulate_steps({&trace, 1}).layers.front(); }

Tensor DeltaRnn::compute(const LayerTrace& trace) const {
  DELTAHOP_CHECK(trace.recurrent != nullptr);
  const RecurrentTrace& recurrent = *trace.recurrent;
  const IntegerDeltaGruLayer& layer = *recurrent.layer;
  InputEncoder encoder(layer);
  MatrixUnit unit(layer);
  std::vector<int16_t> h(static_cast<size_t>(layer.hidden));
  Tensor outputs(DataType::int16, {recurrent.steps(), layer.hidden});
  for (int64_t step = 0; step < recurrent.steps(); ++step) {
    encoder.encode(step_of(recurrent.inputs, step, layer.inputs), h);
    for (size_t k = 0; k < encoder.values.size(); ++k) unit.multiply(encoder.positions[k], encoder.values[k]);
    unit.activate(h);
    std::copy(h.begin(), h.end(),
              outputs.values<int16_t>().begin() + static_cast<std::ptrdiff_t>(step * layer.hidden));
  }
  return outputs;
}

std::vector<std::string> DeltaRnn::uncertainties() const {
  return {
      fmt::format(
          "the input encoder's {} elements a cycle and the activation pipeline's {} units a cycle are our "
          "assumptions: no source that was read states them, and they bound the gain",
          config_.encoder_elements, config_.activation_units),
      "number of MACs, clock and number formats are remembered, not read in a source"};
}

}  // namespace delta_rnn

std::vector<AcceleratorKind> describe_delta_rnn() {
  AcceleratorKind kind;
  kind.name = "delta_rnn";
  kind.summary = "DeltaRNN: a delta GRU with its weights on the chip, a column a cycle [Gao2018]";
  kind.page = embedded_accelerator_file("delta_rnn/README.md");
  kind.variants = {"delta_rnn.yaml"};
  kind.make = [](Config config) -> std::unique_ptr<Accelerator> {
    return std::make_unique<delta_rnn::DeltaRnn>(delta_rnn::read_delta_rnn_config(config));
  };
  return {std::move(kind)};
}

}  // namespace deltahop
