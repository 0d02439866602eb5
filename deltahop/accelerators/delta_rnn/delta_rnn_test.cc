// SPDX-License-Identifier: Apache-2.0
// DeltaRNN's output against the integer reference, its times against a loop over cycles and closed forms.
#include "deltahop/accelerators/delta_rnn/delta_rnn.h"

#include <deque>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop::delta_rnn {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

DeltaRnnConfig config_with(const std::vector<std::string>& settings = {}) {
  return dynamic_cast<const DeltaRnn&>(*make_accelerator("delta_rnn", settings)).config();
}

RecurrentTrace random_trace(int64_t inputs, int64_t units, int32_t theta, uint64_t seed) {
  Random random(seed);
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->formats = config_with().formats;
  layer->inputs = inputs;
  layer->hidden = units;
  layer->theta_x = layer->theta_h = theta;
  for (auto [values, count] :
       {std::pair(&layer->bias, 3 * units), std::pair(&layer->input_columns, 3 * units * inputs),
        std::pair(&layer->recurrent_columns, 3 * units * units),
        std::pair(&layer->candidate_recurrent_bias, units)}) {
    values->resize(static_cast<size_t>(count));
    for (int16_t& value : *values) value = static_cast<int16_t>(random.integer(-9000, 9000));
  }
  Tensor x(DataType::int16, {20, inputs});
  for (int16_t& code : x.values<int16_t>()) code = static_cast<int16_t>(random.integer(-100, 100));
  return run_sequence(layer, x);
}

TEST(DeltaRnn, ItsOutputIsTheIntegerReferences) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const RecurrentTrace trace = random_trace(7, 19, static_cast<int32_t>(seed * 5), seed);
    LayerTrace layer;
    layer.recurrent = &trace;
    const auto chip = make_accelerator("delta_rnn", {});
    EXPECT_EQ(chip->compute(layer), trace.outputs);
    const Stats stats = chip->simulate(layer);
    EXPECT_EQ(stats.macs_done, trace.columns() * 57);
    EXPECT_EQ(stats.dense_macs(), 20 * 57 * 26);
    EXPECT_EQ(stats.macs_done + stats.mac_slots_idle, 768 * stats.cycles(Phase::compute).number());
  }
}

// Cycle by cycle: the encoder looks at so many elements, then the MACs go on with a column.
int64_t ticked_cycles(const DeltaRnnConfig& chip, const IntegerDeltaGruLayer& layer,
                      const std::vector<int32_t>& sent) {
  std::deque<int32_t> waiting(sent.begin(), sent.end());
  const int64_t elements = layer.inputs + layer.hidden;
  int64_t scanned = 0, ready = 0, left = 0, cycle = 0;
  while (scanned < elements || left > 0 || ready > 0) {
    const int64_t until = std::min(elements, scanned + chip.encoder_elements);
    for (; scanned < until; ++scanned)
      if (!waiting.empty() && waiting.front() == scanned) waiting.pop_front(), ++ready;
    if (left == 0 && ready > 0) --ready, left = chip.column_cycles(layer.hidden);
    left -= left > 0 ? 1 : 0;
    ++cycle;
  }
  return cycle;
}

TEST(DeltaRnn, ItsScheduleEqualsALoopOverCycles) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const DeltaRnnConfig chip =
        config_with({fmt::format("macs={}", 3 * random.integer(1, 80)),
                     fmt::format("input_encoder.elements_per_cycle={}", random.integer(1, 40))});
    IntegerDeltaGruLayer layer;
    layer.inputs = random.integer(1, 50);
    layer.hidden = random.integer(1, 100);
    std::vector<int32_t> sent;
    const double density = random.uniform();
    for (int32_t k = 0; k < layer.inputs + layer.hidden; ++k)
      if (random.chance(density)) sent.push_back(k);
    LayerEvents events;
    schedule_step(chip, layer, sent, events);
    EXPECT_EQ(events.compute_cycles + events.encoding_cycles, ticked_cycles(chip, layer, sent))
        << "seed " << seed;
    EXPECT_GE(events.encoding_cycles, 0);
  }
}

TEST(DeltaRnn, ADenseStepOf256UnitsTakesACycleAColumn) {
  IntegerDeltaGruLayer layer;
  layer.inputs = 40;
  layer.hidden = 256;
  std::vector<int32_t> all(296);
  for (size_t k = 0; k < all.size(); ++k) all[k] = static_cast<int32_t>(k);
  LayerEvents events;
  schedule_step(config_with(), layer, all, events);
  EXPECT_EQ(events.compute_cycles, 296) << "768 MACs are three gates of 256 units";
  EXPECT_EQ(events.encoding_cycles, 0);
  EXPECT_EQ(events.activation_cycles, 256 / 16 + 10);
}

TEST(DeltaRnn, WithOneElementACycleSkippingGainsNothingAt256Units) {
  IntegerDeltaGruLayer layer;
  layer.inputs = 40;
  layer.hidden = 256;
  LayerEvents events;
  schedule_step(config_with({"input_encoder.elements_per_cycle=1"}), layer, {}, events);
  EXPECT_EQ(events.compute_cycles + events.encoding_cycles, 296)
      << "the scan takes what the dense product takes";
}

TEST(DeltaRnn, WhatItCannotHoldIsRefusedByName) {
  const auto refusal = [](int64_t layers, int64_t units) {
    std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
    for (int64_t k = 0; k < layers; ++k) {
      auto layer = std::make_shared<IntegerDeltaGruLayer>();
      layer->formats = config_with().formats;
      layer->inputs = layer->hidden = units;
      stack.push_back(layer);
    }
    return make_accelerator("delta_rnn", {})->supports_recurrent(stack).reason;
  };
  EXPECT_EQ(refusal(1, 256), "");
  EXPECT_THAT(refusal(2, 256), HasSubstr("2 layers"));
  EXPECT_THAT(refusal(1, 1024), HasSubstr("weight_memory"));
}

TEST(DeltaRnn, FaultsNameTheSetting) {
  EXPECT_THAT([] { make_accelerator("delta_rnn", {"macs=100"}); },
              ThrowsMessage<Error>(HasSubstr("multiple of 3")));
  EXPECT_THAT([] { make_accelerator("delta_rnn", {"input_encoder.elements_per_cycle=0"}); },
              ThrowsMessage<Error>(HasSubstr("elements_per_cycle")));
}

}  // namespace
}  // namespace deltahop::delta_rnn
