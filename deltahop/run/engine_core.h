// SPDX-License-Identifier: Apache-2.0
// Inside of the engines (delta_engine.h): matrices, their streams and the memories that they add to, for one
// pair of number types.
#pragma once

#include <limits>
#include <utility>

#include "deltahop/run/break_even.h"
#include "deltahop/run/cell_layout.h"
#include "deltahop/run/delta_engine.h"
#include "deltahop/run/delta_operand.h"

namespace deltahop {

// What all number types start from.
struct EngineParts {
  EngineOptions options;
  int64_t rows = 0;
  std::vector<OperandLayout> operands;
  std::vector<float> bias;   // [rows]
  std::vector<float> units;  // [rows], empty in float
};

// Base: CellEngine or ProductEngine. W: float, int8_t, int16_t. Sum: float, int32_t, int64_t.
template <class Base, class W, class Sum>
class EngineCore : public Base {
 public:
  // panels: one an operand.
  EngineCore(EngineParts parts, std::vector<ColumnPanel<W>> panels)
      : options_(std::move(parts.options)),
        rows_(parts.rows),
        bias_(std::move(parts.bias)),
        units_(std::move(parts.units)) {
    for (size_t i = 0; i < panels.size(); ++i) {
      const OperandLayout& layout = parts.operands[i];
      OperandOptions operand{.delta = options_.delta,
                             .threshold = layout.threshold,
                             .scale = layout.scale,
                             .streams = options_.streams,
                             .record_largest = options_.record_ranges};
      if (options_.delta && options_.dense_where_faster)
        operand.dense_from = break_even_columns<W, Sum>(layout.rows, layout.columns);
      operands_.emplace_back(std::move(panels[i]), operand);
      StreamStatistics& statistics = operands_.back().statistics();
      statistics.layer = options_.name;
      statistics.kind = options_.kind;
      statistics.stream = layout.stream;
      statistics.gates = layout.gates;
      first_rows_.push_back(layout.first_row);
    }
    memory_.resize(static_cast<size_t>(rows_ * options_.streams), Sum{});
  }

  void reset() override {
    std::fill(memory_.begin(), memory_.end(), Sum{});
    for (auto& operand : operands_) operand.reset();
  }
  void clear_statistics() override {
    for (auto& operand : operands_) operand.clear_statistics();
  }
  void save(StateWriter& writer) const override {
    writer.add(std::span<const Sum>(memory_));
    for (const auto& operand : operands_) operand.save(writer);
  }
  void restore(StateReader& reader) override {
    reader.fill(std::span<Sum>(memory_));
    for (auto& operand : operands_) operand.restore(reader);
  }
  size_t state_bytes() const override {
    StateWriter writer;
    save(writer);
    return writer.bytes().size();
  }
  void add_statistics(std::vector<StreamStatistics>& all) const override {
    for (const auto& operand : operands_) all.push_back(operand.statistics());
  }
  void add_ranges(std::map<std::string, double>& all) const override {
    for (const auto& operand : operands_)
      all[operand.statistics().layer + "." + operand.statistics().stream] = operand.largest();
  }

 protected:
  std::span<Sum> memory(int64_t stream) {
    return std::span(memory_).subspan(static_cast<size_t>(stream * rows_), static_cast<size_t>(rows_));
  }
  // The memories of a step in full start anew; those of changes go on.
  void begin() {
    if (!options_.delta) std::fill(memory_.begin(), memory_.end(), Sum{});
  }
  // values: [streams][columns].
  void add(size_t operand, std::span<const float> values) {
    operands_[operand].add(values, memory_, rows_, first_rows_[operand], options_.workers);
  }
  // What the memories stand for, biases added.
  void read_out(int64_t stream, std::span<float> out) {
    const std::span<const Sum> all = memory(stream);
    if constexpr (std::is_same_v<W, float>) {
      for (size_t i = 0; i < out.size(); ++i) out[i] = all[i] + bias_[i];
    } else {
      for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(all[i]) * units_[i] + bias_[i];
    }
  }

  EngineOptions options_;
  int64_t rows_;
  std::vector<float> bias_, units_;
  std::vector<DeltaOperand<W, Sum>> operands_;
  std::vector<int64_t> first_rows_;
  std::vector<Sum> memory_;  // [streams][rows]
};

// Calls make.template operator()<W, Sum>(parts, panels) with the number types that the precision needs:
// 32-bit sums only where they provably cannot leave 32 bits.
template <class Make>
auto make_with_types(EngineParts parts, const Make& make) {
  const auto panels_of = [&]<class W>(const auto& weights_of) {
    std::vector<ColumnPanel<W>> panels;
    for (OperandLayout& operand : parts.operands) {
      const std::vector<W> weights = weights_of(operand);
      panels.emplace_back(operand.rows, operand.columns, std::span<const W>(weights));
      operand.weights = {};
    }
    return panels;
  };
  const auto integers = [&]<class W>() {
    parts.units = choose_units(parts.operands, parts.rows, largest_weight_of(parts.options.precision));
    auto panels = panels_of.template operator()<W>(
        [&](const OperandLayout& operand) { return rounded_weights<W>(operand, parts.units); });
    std::vector<int64_t> bounds(static_cast<size_t>(parts.rows), 0);
    for (size_t i = 0; i < panels.size(); ++i) {
      add_row_bounds(panels[i], kLargestCode,
                     std::span(bounds).subspan(static_cast<size_t>(parts.operands[i].first_row),
                                               static_cast<size_t>(panels[i].rows())));
    }
    return fits_32_bits(bounds) ? make.template operator()<W, int32_t>(std::move(parts), std::move(panels))
                                : make.template operator()<W, int64_t>(std::move(parts), std::move(panels));
  };
  if (parts.options.precision == Precision::int8) return integers.template operator()<int8_t>();
  if (parts.options.precision == Precision::int16) return integers.template operator()<int16_t>();
  auto panels =
      panels_of.template operator()<float>([](OperandLayout& operand) { return std::move(operand.weights); });
  return make.template operator()<float, float>(std::move(parts), std::move(panels));
}

}  // namespace deltahop
