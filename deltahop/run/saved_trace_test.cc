// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/saved_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using ::testing::HasSubstr;

struct Example {
  Tensor input = Tensor::of<int16_t>({1, 1, 2, 2}, {1, 2, 3, 4});
  Tensor weights = Tensor::of<int16_t>({1, 1, 1, 1}, {3});
  Tensor bias = Tensor::of<int64_t>({1}, {10});
  Tensor output = Tensor::of<int16_t>({1, 1, 1, 1}, {22});
  Tensor float_output = Tensor::of<float>({1, 1, 1, 1}, {22.5f});

  LayerTrace trace() const {
    LayerTrace trace;
    trace.name = "block/conv 1";
    trace.operator_name = "Conv";
    FusedWorkload fused;
    fused.name = trace.name;
    fused.workload.shape.in_rows = fused.workload.shape.in_columns = 2;
    fused.workload.shape.out_rows = fused.workload.shape.out_columns = 2;
    fused.relu = true;
    fused.pooling = Pooling{};
    trace.workload = fused;
    trace.input = &input;
    trace.weights = &weights;
    trace.bias = &bias;
    trace.output = &output;
    trace.float_output = &float_output;
    trace.input_format = {8, 3, true};
    trace.weight_format = {4, 1, true};
    trace.output_format = {16, -2, true};
    trace.rounding = Rounding::half_away;
    trace.overflow = Overflow::wrap;
    trace.saturated = 3;
    return trace;
  }
};

std::map<std::string, Tensor> arrays_of(const LayerTrace& trace) {
  TraceCollector collector;
  collector.add(trace);
  return collector.arrays();
}

std::string message_of(const std::map<std::string, Tensor>& arrays) {
  try {
    replay(arrays, "t.npz", [](const LayerTrace&) {});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SavedTrace, EveryFieldComesBack) {
  const Example example;
  const LayerTrace saved = example.trace();
  int calls = 0;
  replay(arrays_of(saved), "t.npz", [&](const LayerTrace& trace) {
    ++calls;
    EXPECT_EQ(trace.name, saved.name);
    EXPECT_EQ(trace.operator_name, saved.operator_name);
    EXPECT_EQ(trace.workload->workload.shape, saved.workload->workload.shape);
    EXPECT_EQ(trace.workload->name, saved.name);
    EXPECT_TRUE(trace.workload->relu);
    EXPECT_EQ(trace.workload->pooling, saved.workload->pooling);
    EXPECT_EQ(*trace.input, example.input);
    EXPECT_EQ(*trace.weights, example.weights);
    EXPECT_EQ(*trace.bias, example.bias);
    EXPECT_EQ(*trace.output, example.output);
    EXPECT_EQ(*trace.float_output, example.float_output);
    EXPECT_EQ(trace.input_format, saved.input_format);
    EXPECT_EQ(trace.weight_format, saved.weight_format);
    EXPECT_EQ(trace.output_format, saved.output_format);
    EXPECT_EQ(trace.rounding, saved.rounding);
    EXPECT_EQ(trace.overflow, saved.overflow);
    EXPECT_EQ(trace.saturated, 3);
    EXPECT_FALSE(trace.on_host_in_float);
  });
  EXPECT_EQ(calls, 1);
}

TEST(SavedTrace, AStageWithoutWeightsKeepsItsBranches) {
  const Example example;
  LayerTrace joined;
  joined.name = "add";
  joined.operator_name = "Add";
  joined.input = joined.output = &example.input;
  joined.other_inputs = {&example.input, &example.weights};
  joined.on_host_in_float = true;
  replay(arrays_of(joined), "t.npz", [&](const LayerTrace& trace) {
    EXPECT_FALSE(trace.workload.has_value());
    EXPECT_EQ(trace.weights, nullptr);
    ASSERT_EQ(trace.other_inputs.size(), 2u);
    EXPECT_EQ(*trace.other_inputs[1], example.weights);
    EXPECT_TRUE(trace.on_host_in_float);
    EXPECT_FALSE(trace.saturated.has_value());
  });
}

TEST(SavedTrace, TracesComeInTheOrderOfTheRunHoweverMany) {
  const Example example;
  TraceCollector collector;
  for (int i = 0; i < 1200; ++i) {
    LayerTrace trace = example.trace();
    trace.name = std::to_string(i);
    collector.add(trace);
  }
  int next = 0;
  replay(collector.arrays(), "t.npz",
         [&](const LayerTrace& trace) { EXPECT_EQ(trace.name, std::to_string(next++)); });
  EXPECT_EQ(next, 1200);
}

TEST(SavedTrace, WhatDoesNotFitIsRefusedByName) {
  const auto arrays = arrays_of(Example().trace());
  const std::string prefix = "000/block_conv_1/";
  const auto with = [&](const std::string& part, Tensor tensor) {
    auto changed = arrays;
    changed[prefix + part] = std::move(tensor);
    return message_of(changed);
  };
  const auto without = [&](const std::string& part) {
    auto changed = arrays;
    EXPECT_EQ(changed.erase(prefix + part), 1u);
    return message_of(changed);
  };
  EXPECT_EQ(message_of(arrays), "");
  EXPECT_THAT(message_of({}), HasSubstr("t.npz: there are no traces"));
  EXPECT_THAT(message_of({{"input", Tensor()}}), HasSubstr("belongs to no trace"));
  EXPECT_THAT(without("weights"), HasSubstr("t.npz: trace 000: the array 'weights' is missing"));
  EXPECT_THAT(without("numbers"), HasSubstr("'numbers' is missing"));
  EXPECT_THAT(without("workload"), HasSubstr("there are weights but no workload"));
  EXPECT_THAT(with("input", Tensor(DataType::float32, {1, 1, 2, 2})),
              HasSubstr("'input' is float32; wanted int16"));
  EXPECT_THAT(with("input", Tensor(DataType::int16, {1, 1, 2, 3})),
              HasSubstr("'input' has the shape 1x1x2x3; the workload wants 1x1x2x2"));
  EXPECT_THAT(with("output", Tensor(DataType::int16, {1, 1, 2, 2})), HasSubstr("wants 1x1x1x1"));
  EXPECT_THAT(with("weights", Tensor::of<int16_t>({1, 1, 1, 1}, {8})),
              HasSubstr("codes beyond its format Q3.1"));
  EXPECT_THAT(with("about", Tensor(DataType::uint8, {3})), HasSubstr("'about'"));
  EXPECT_THAT(with("saturated", Tensor::of<int64_t>({1}, {-1})), HasSubstr("'saturated' is -1"));
  EXPECT_THAT(with("saturated", Tensor::of<int64_t>({2}, {1, 2})), HasSubstr("is not one number"));
  EXPECT_THAT(with("surplus", Tensor()), HasSubstr("nothing is called 'surplus'"));
  auto gap = arrays;
  for (const auto& [key, tensor] : arrays) gap.emplace("002" + key.substr(3), tensor);
  EXPECT_THAT(message_of(gap), HasSubstr("gaps"));
}

// Whatever numbers a file holds: an error or a trace that fits together, never a crash or an endless loop.
TEST(SavedTrace, WildNumbersNeverPass) {
  Random random(5);
  const auto arrays = arrays_of(Example().trace());
  for (int trial = 0; trial < 3000; ++trial) {
    auto changed = arrays;
    const std::string part = random.chance(0.7) ? "workload" : "numbers";
    auto values = changed["000/block_conv_1/" + part].values<int64_t>();
    int64_t& value = values[static_cast<size_t>(random.integer(0, static_cast<int64_t>(values.size()) - 1))];
    value = random.chance(0.5) ? static_cast<int64_t>(random.bits()) : random.integer(-3, 40);
    try {
      replay(changed, "t.npz", [](const LayerTrace& trace) {
        EXPECT_EQ(trace.workload->workload.weights(), trace.weights->size());
        EXPECT_LE(trace.workload->workload.shape.out_rows, 2);
      });
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace deltahop
