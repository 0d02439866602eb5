// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/delta_transfers.h"

#include <memory>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

// Slowly moving values through a layer of I inputs and H units.
RecurrentTrace random_trace(int64_t inputs, int64_t hidden, int64_t steps, uint64_t seed) {
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->inputs = inputs;
  layer->hidden = hidden;
  layer->theta_x = 8;
  layer->theta_h = 12;
  RecurrentTrace trace;
  trace.layer = layer;
  Random random(seed);
  const auto walk = [&](int64_t width) {
    Tensor tensor = Tensor::zeros(DataType::int16, {steps, width});
    const auto values = tensor.values<int16_t>();
    for (size_t i = 0; i < values.size(); ++i) {
      const auto before =
          i < static_cast<size_t>(width) ? int16_t{0} : values[i - static_cast<size_t>(width)];
      values[i] = static_cast<int16_t>(before + random.integer(-9, 9));
    }
    return tensor;
  };
  trace.inputs = walk(inputs);
  trace.outputs = walk(hidden);
  count_sent(trace);
  return trace;
}

TEST(DeltaTransfers, read_every_sent_column_and_one_bias_a_layer) {
  const RecurrentTrace first = random_trace(5, 16, 40, 1), second = random_trace(16, 8, 40, 2);
  const RecurrentTrace* const traces[] = {&first, &second};
  const auto transfers = delta_transfers(traces);
  EXPECT_EQ(std::ssize(transfers), first.columns() + second.columns() + 2);
  int64_t bytes = 0;
  for (const DramTransfer& transfer : transfers) bytes += transfer.bytes;
  EXPECT_EQ(bytes, (first.columns() + 1) * 3 * 16 + (second.columns() + 1) * 3 * 8);
}

TEST(DeltaTransfers, lie_where_the_columns_lie) {
  RecurrentTrace trace = random_trace(2, 4, 2, 3);
  for (Tensor* tensor : {&trace.inputs, &trace.outputs}) {
    for (int16_t& value : tensor->values<int16_t>()) value = 0;
  }
  trace.inputs.values<int16_t>()[1] = 100;   // step 0, input 1
  trace.inputs.values<int16_t>()[3] = 100;   // unchanged in step 1
  trace.outputs.values<int16_t>()[2] = 100;  // unit 2 after step 0
  const RecurrentTrace* const traces[] = {&trace};
  const auto transfers = delta_transfers(traces);
  ASSERT_EQ(transfers.size(), 3U);
  EXPECT_EQ(transfers[0].address, 0U);       // bias
  EXPECT_EQ(transfers[1].address, 2U * 12);  // behind bias and input 0; 12 bytes a column
  EXPECT_EQ(transfers[2].address, (1U + 2 + 2) * 12);
  EXPECT_EQ(transfers[2].bytes, 12);
}

TEST(DeltaTransfers, are_a_stream_that_a_channel_plays_to_its_end) {
  const RecurrentTrace trace = random_trace(40, 256, 20, 4);
  const RecurrentTrace* const traces[] = {&trace};
  DramStream stream;
  stream.kind = DramStream::Kind::transfers;
  stream.transfers = delta_transfers(traces);
  const DramRun run = run_dram_stream(load_dram_part("ddr3l_1600_4gb_x16"), {}, stream, {.requests = 1});
  EXPECT_EQ(run.bytes_wanted, (trace.columns() + 1) * 768);
  EXPECT_EQ(run.bytes_moved, run.bytes_wanted);  // 768 is a whole number of bursts
}

}  // namespace
}  // namespace deltahop
