// SPDX-License-Identifier: Apache-2.0
// One promise over four programs: the native kernels, the integer executor of delta GRUs, the models of
// EdgeDRNN and DeltaRNN send the same columns for the same sequence, and their sums are the same integers.
#include <array>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/random.h"
#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/network/edge_drnn_vectors_testing.h"
#include "deltahop/network/integer_delta_gru.h"

namespace deltahop {
namespace {

// The native kernels on the same codes: a panel of [c of x, r, u] rows for x, [r, u, c of h] for h, memories
// stacked [c of x, r, u, c of h], so that both panels feed rows that lie side by side.
class NativeLayer {
 public:
  explicit NativeLayer(const IntegerDeltaGruLayer& layer)
      : layer_(layer),
        x_panel_(layer.rows(), layer.inputs, rows_of(layer.input_columns, layer.inputs, {2, 0, 1})),
        h_panel_(layer.rows(), layer.hidden, rows_of(layer.recurrent_columns, layer.hidden, {0, 1, 2})),
        x_sent_(static_cast<size_t>(layer.inputs)),
        h_sent_(static_cast<size_t>(layer.hidden)) {
    const size_t room = static_cast<size_t>(std::max(layer.inputs, layer.hidden) + kSentSlack);
    indices_.resize(room);
    deltas_.resize(room);
    const int64_t one = int64_t{1} << layer.formats.activation.fraction_bits;
    for (const size_t gate : {2, 0, 1})
      for (int64_t unit = 0; unit < layer.hidden; ++unit)
        memory_.push_back(one *
                          layer.bias[gate * static_cast<size_t>(layer.hidden) + static_cast<size_t>(unit)]);
    memory_.resize(static_cast<size_t>(4 * layer.hidden));
  }

  std::vector<int32_t> send_x(std::span<const int16_t> x) {
    return send(x, x_sent_, layer_.theta_x, x_panel_, 0);
  }
  std::vector<int32_t> send_h(std::span<const int16_t> h) {
    return send(h, h_sent_, layer_.theta_h, h_panel_, layer_.hidden);
  }
  // r, u, c of x, c of h, as IntegerDeltaGru numbers them.
  std::span<const int64_t> memory(size_t index) const {
    constexpr std::array<size_t, 4> kBlock = {1, 2, 0, 3};
    const auto units = static_cast<size_t>(layer_.hidden);
    return std::span(memory_).subspan(kBlock[index] * units, units);
  }

 private:
  static std::vector<int8_t> rows_of(const std::vector<int16_t>& columns, int64_t count,
                                     const std::array<size_t, 3>& gates) {
    const size_t rows = columns.size() / static_cast<size_t>(count), units = rows / 3;
    std::vector<int8_t> result;
    for (const size_t gate : gates)
      for (size_t unit = 0; unit < units; ++unit)
        for (size_t column = 0; column < static_cast<size_t>(count); ++column)
          result.push_back(static_cast<int8_t>(columns[column * rows + gate * units + unit]));
    return result;
  }
  std::vector<int32_t> send(std::span<const int16_t> values, std::vector<int16_t>& sent, int32_t theta,
                            const ColumnPanel<int8_t>& panel, int64_t first_row) {
    const int64_t count = encode_delta(values, sent, theta, indices_.data(), deltas_.data());
    add_columns(
        panel, SentColumns<int16_t>{indices_.data(), deltas_.data(), count},
        std::span(memory_).subspan(static_cast<size_t>(first_row), static_cast<size_t>(panel.rows())));
    return {indices_.begin(), indices_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  const IntegerDeltaGruLayer& layer_;
  ColumnPanel<int8_t> x_panel_, h_panel_;
  std::vector<int16_t> x_sent_, h_sent_;
  std::vector<uint32_t> indices_;
  std::vector<int16_t> deltas_;
  std::vector<int64_t> memory_;
};

std::span<const int16_t> row_of(const Tensor& codes, int64_t row) {
  const auto width = static_cast<size_t>(codes.dim(1));
  return codes.values<int16_t>().subspan(static_cast<size_t>(row) * width, width);
}

// Runs all of them over one layer's sequence; returns the columns that each sent.
void expect_equal_counts(const RecurrentTrace& trace) {
  const IntegerDeltaGruLayer& layer = *trace.layer;
  IntegerDeltaGru reference(trace.layer);
  NativeLayer native(layer);
  int64_t sent = 0;
  for (int64_t step = 0; step < trace.steps(); ++step) {
    const std::vector<int16_t> before(reference.hidden().begin(), reference.hidden().end());
    reference.step(row_of(trace.inputs, step));
    const auto expected = [](std::span<const int32_t> list) {
      return std::vector<int32_t>(list.begin(), list.end());
    };
    ASSERT_EQ(native.send_x(row_of(trace.inputs, step)), expected(reference.sent_x())) << "step " << step;
    ASSERT_EQ(native.send_h(before), expected(reference.sent_h())) << "step " << step;
    for (size_t memory = 0; memory < 4; ++memory)
      ASSERT_TRUE(std::equal(native.memory(memory).begin(), native.memory(memory).end(),
                             reference.memory(memory).begin(), reference.memory(memory).end()))
          << "step " << step << ", memory " << memory;
    sent += std::ssize(reference.sent_x()) + std::ssize(reference.sent_h());
  }
  EXPECT_EQ(sent, trace.columns());
  LayerTrace layer_trace;
  layer_trace.recurrent = &trace;
  const Stats edge = make_accelerator("edge_drnn", {})->simulate(layer_trace);
  EXPECT_EQ(edge.macs_done, sent * layer.rows());
  const int64_t column_bits = 8 * 3 * ((layer.hidden + 7) / 8 * 8);
  EXPECT_EQ(edge.at(MemoryLevel::dram, DataKind::weight).read.number(), sent * column_bits);
  const Stats delta =
      make_accelerator("delta_rnn", {"weight=Q1.7", "accumulator=24 bit", "gate_fraction_bits=4"})
          ->simulate(layer_trace);
  EXPECT_EQ(delta.macs_done, edge.macs_done);
  EXPECT_EQ(delta.macs_skipped_zero_input, edge.macs_skipped_zero_input);
}

TEST(DeltaCounts, KernelsExecutorAndChipsSendTheSameColumnsOfRandomNetworks) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->inputs = random.integer(1, 40);
    layer->hidden = random.integer(1, 70);
    layer->theta_x = static_cast<int32_t>(random.integer(0, 40));
    layer->theta_h = static_cast<int32_t>(random.integer(0, 40));
    for (auto [values, columns] :
         {std::pair(&layer->bias, int64_t{1}), std::pair(&layer->input_columns, layer->inputs),
          std::pair(&layer->recurrent_columns, layer->hidden)})
      for (int64_t k = 0; k < columns * layer->rows(); ++k)
        values->push_back(static_cast<int16_t>(random.integer(-127, 127)));
    Tensor x(DataType::int16, {40, layer->inputs});
    const auto codes = x.values<int16_t>();
    for (size_t k = 0; k < codes.size(); ++k) {
      const auto width = static_cast<size_t>(layer->inputs);
      codes[k] = static_cast<int16_t>((k < width ? 0 : codes[k - width]) + random.integer(-25, 25));
    }
    if (seed % 4 == 0) codes[0] = -32768, codes[static_cast<size_t>(layer->inputs)] = 32767;  // 17 bits
    SCOPED_TRACE(seed);
    expect_equal_counts(run_sequence(layer, x));
  }
}

TEST(DeltaCounts, KernelsExecutorAndChipsSendTheSameColumnsOfTheHardwareTestBench) {
  const auto vectors = edge_drnn_vectors();
  if (!vectors) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  int64_t columns = 0;
  for (const RecurrentTrace& trace : vectors->run(8, 8)) {
    expect_equal_counts(trace);
    columns += trace.columns();
  }
  EXPECT_EQ(columns, 11889) << "the row of the threshold table";
}

}  // namespace
}  // namespace deltahop
