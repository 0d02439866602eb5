// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/fixed_point_cell.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "deltahop/kernels/delta_matvec.h"

namespace deltahop {
namespace {

// Columns [count][3H] as rows of codes [3H, count], rows starting with gate `first` (r, u, c are 0, 1, 2) and
// going round.
ColumnPanel<int8_t> panel_of(const std::vector<int16_t>& columns, int64_t hidden, int64_t first) {
  const int64_t rows = 3 * hidden, count = static_cast<int64_t>(columns.size()) / rows;
  std::vector<int8_t> row_major(columns.size());
  for (int64_t k = 0; k < count; ++k) {
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t from = (row + first * hidden) % rows;
      row_major[static_cast<size_t>(row * count + k)] =
          static_cast<int8_t>(columns[static_cast<size_t>(k * rows + from)]);
    }
  }
  return {rows, count, row_major};
}

// One of the two streams: its columns, what was sent, and the memories that it feeds from first_row on.
struct Stream {
  ColumnPanel<int8_t> panel;
  std::vector<int16_t> codes, sent;  // [size], [streams][size]
  std::vector<uint32_t> indices;
  std::vector<int16_t> deltas;
  int64_t first_row = 0;
  int32_t threshold = 0;
  StreamStatistics counts;

  void prepare(ColumnPanel<int8_t> own, int64_t streams) {
    panel = std::move(own);
    const auto size = static_cast<size_t>(panel.columns());
    codes.resize(size);
    sent.resize(size * static_cast<size_t>(streams));
    indices.resize(size + kSentSlack);
    deltas.resize(size + kSentSlack);
    counts.rows = panel.rows();
    counts.columns = panel.columns();
    counts.column_bytes = panel.rows();
  }
};

// Memories: [candidate of x, r, u, candidate of h], H each. Sums of 32 bits wrap as the register's 24 do.
class FixedPointCell final : public CellEngine {
 public:
  FixedPointCell(std::shared_ptr<const IntegerDeltaGruLayer> layer, const EngineOptions& options)
      : layer_(std::move(layer)), options_(options), tables_(layer_->formats) {
    const int64_t hidden = layer_->hidden;
    const double step = std::ldexp(1.0, -layer_->formats.activation.fraction_bits);
    x_.prepare(panel_of(layer_->input_columns, hidden, 2), options.streams);
    h_.prepare(panel_of(layer_->recurrent_columns, hidden, 0), options.streams);
    h_.first_row = hidden;
    x_.threshold = layer_->theta_x;
    h_.threshold = layer_->theta_h;
    for (Stream* stream : {&x_, &h_}) {
      stream->counts.layer = options.name;
      stream->counts.kind = options.kind;
      stream->counts.stream = stream == &x_ ? "x" : "h";
      stream->counts.gates = stream == &x_ ? "c r u" : "r u c";
      stream->counts.threshold = stream->threshold * step;
      stream->counts.is_delta = options.delta;
    }
    start_.resize(static_cast<size_t>(4 * hidden));
    const int32_t one = int32_t{1} << layer_->formats.activation.fraction_bits;
    for (int64_t row = 0; row < 3 * hidden; ++row)  // r, u, c
      start_[static_cast<size_t>((row + hidden) % (3 * hidden))] =
          one * layer_->bias[static_cast<size_t>(row)];
    for (size_t i = 0; i < layer_->candidate_recurrent_bias.size(); ++i)
      start_[static_cast<size_t>(3 * hidden) + i] = one * layer_->candidate_recurrent_bias[i];
    memory_.resize(start_.size() * static_cast<size_t>(options.streams));
    FixedPointCell::reset();
  }

  void step(std::span<const float> x, std::span<float> hidden, std::span<float>) override {
    const auto inputs = static_cast<size_t>(layer_->inputs), units = static_cast<size_t>(layer_->hidden);
    for (size_t s = 0; s < static_cast<size_t>(options_.streams); ++s)
      step_one(x.subspan(s * inputs, inputs), static_cast<int64_t>(s), hidden.subspan(s * units, units));
  }

  void step_one(std::span<const float> x, int64_t stream, std::span<float> hidden) {
    const std::span<int32_t> memory =
        std::span(memory_).subspan(static_cast<size_t>(stream) * start_.size(), start_.size());
    if (!options_.delta) begin_in_full(stream, memory);
    add(x_, x, stream, memory);
    add(h_, hidden, stream, memory);
    const auto size = static_cast<size_t>(layer_->hidden);
    const float step = std::ldexp(1.0F, -layer_->formats.activation.fraction_bits);
    for (size_t i = 0; i < size; ++i) {
      const DeltaGruUnit unit{memory[size + i], memory[2 * size + i], memory[i], memory[3 * size + i],
                              h_.codes[i]};
      hidden[i] = step * static_cast<float>(activated(unit, layer_->formats, tables_));
    }
  }

  void reset() override {
    for (size_t i = 0; i < memory_.size(); ++i) memory_[i] = start_[i % start_.size()];
    for (Stream* stream : {&x_, &h_}) std::fill(stream->sent.begin(), stream->sent.end(), int16_t{0});
  }
  void clear_statistics() override {
    for (Stream* stream : {&x_, &h_}) {
      StreamStatistics& counts = stream->counts;
      counts.steps = counts.sent = counts.read = counts.dense_steps = counts.saturated = 0;
    }
  }
  void save(StateWriter& writer) const override {
    writer.add(std::span<const int32_t>(memory_));
    for (const Stream* stream : {&x_, &h_}) writer.add(std::span<const int16_t>(stream->sent));
  }
  void restore(StateReader& reader) override {
    reader.fill(std::span<int32_t>(memory_));
    for (Stream* stream : {&x_, &h_}) reader.fill(std::span<int16_t>(stream->sent));
  }
  size_t state_bytes() const override {
    return memory_.size() * sizeof(int32_t) + (x_.sent.size() + h_.sent.size()) * sizeof(int16_t);
  }
  void add_statistics(std::vector<StreamStatistics>& all) const override {
    all.push_back(x_.counts);
    all.push_back(h_.counts);
  }
  void add_ranges(std::map<std::string, double>&) const override {}  // the formats are given

 private:
  // Every step sends everything: what was sent before is forgotten.
  void begin_in_full(int64_t stream, std::span<int32_t> memory) {
    std::copy(start_.begin(), start_.end(), memory.begin());
    for (Stream* each : {&x_, &h_}) {
      const auto size = each->codes.size();
      std::fill_n(each->sent.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(stream) * size), size,
                  int16_t{0});
    }
  }

  void add(Stream& own, std::span<const float> values, int64_t stream, std::span<int32_t> memory) {
    constexpr float kLow = std::numeric_limits<int16_t>::min(), kHigh = std::numeric_limits<int16_t>::max();
    const float scale = std::ldexp(1.0F, layer_->formats.activation.fraction_bits);
    for (size_t i = 0; i < own.codes.size(); ++i) {
      const float code = std::nearbyint(values[i] * scale);
      const float held = code > kLow ? (code < kHigh ? code : kHigh) : kLow;
      own.counts.saturated += held != code ? 1 : 0;
      own.codes[i] = static_cast<int16_t>(held);
    }
    const size_t size = own.codes.size();
    const std::span<int16_t> sent = std::span(own.sent).subspan(static_cast<size_t>(stream) * size, size);
    const int64_t count =
        encode_delta(std::span<const int16_t>(own.codes), sent, options_.delta ? own.threshold : 0,
                     own.indices.data(), own.deltas.data());
    ++own.counts.steps;
    own.counts.dense_steps += options_.delta ? 0 : 1;
    own.counts.sent += options_.delta ? count : own.panel.columns();
    own.counts.read += options_.delta ? count : own.panel.columns();
    add_columns(own.panel, SentColumns<int16_t>{own.indices.data(), own.deltas.data(), count},
                memory.subspan(static_cast<size_t>(own.first_row), static_cast<size_t>(own.panel.rows())),
                options_.workers);
  }

  std::shared_ptr<const IntegerDeltaGruLayer> layer_;
  EngineOptions options_;
  ActivationTables tables_;
  Stream x_, h_;
  std::vector<int32_t> start_, memory_;  // [4H], [streams][4H]
};

}  // namespace

std::unique_ptr<CellEngine> make_fixed_point_cell(std::shared_ptr<const IntegerDeltaGruLayer> layer,
                                                  const EngineOptions& options) {
  if (layer->formats.weight.total_bits > 8 || layer->formats.accumulator_bits > 32) {
    throw Error("fixed point", "weights of more than 8 bits or sums of more than 32 have no kernel here",
                "the formats of EdgeDRNN are 8 and 24");
  }
  return std::make_unique<FixedPointCell>(std::move(layer), options);
}

}  // namespace deltahop
