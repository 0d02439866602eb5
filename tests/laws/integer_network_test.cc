// SPDX-License-Identifier: Apache-2.0
// The integer executor against a second, slow and obvious implementation, on random networks with branches,
// all number formats and roundings; and what its traces promise.
#include <gtest/gtest.h>

#include "deltahop/compress/quantize.h"
#include "deltahop/kernels/conv2d.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/saved_trace.h"
#include "tests/laws/obvious_executor.h"
#include "tests/laws/random_network.h"

namespace deltahop {
namespace {

std::vector<int64_t> list(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::int64);
  return {wide.values<int64_t>().begin(), wide.values<int64_t>().end()};
}

std::vector<Tensor> one(Tensor tensor) {
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(tensor));
  return tensors;
}

Tensor random_input(Random& random, const Network& network) {
  return random_tensor(random, *network.value(network.inputs()[0].value).shape, 1.0);
}

constexpr int kNetworks = 300;

TEST(IntegerNetworks, EveryStageEqualsTheObviousImplementation) {
  Random random(7);
  int64_t stages = 0, fused = 0, outside = 0;
  for (int trial = 0; trial < kNetworks; ++trial) {
    SCOPED_TRACE(trial);
    const IntegerExecutor executor(random_model(random, RandomNetwork(random, true).build()));
    const Tensor input = random_input(random, executor.model().network);
    ObviousExecutor obvious(executor.model());
    const auto expected = obvious.run(input);
    const auto result = executor.run(one(input), {}, [&](const Stage& stage, const LayerTrace& trace) {
      ASSERT_NE(trace.output, nullptr);
      EXPECT_EQ(list(*trace.output), expected.at(stage.output).values) << "stage " << trace.name;
      EXPECT_EQ(trace.output_format, executor.model().formats.at(stage.output));
      EXPECT_EQ(trace.on_host_in_float, trace.operator_name == "Sigmoid");
      EXPECT_EQ(trace.saturated, obvious.outside(stage)) << "stage " << trace.name;
      ++stages;
      fused += stage.nodes.size() > 1 ? 1 : 0;
    });
    for (size_t i = 0; i < result.codes.size(); ++i) {
      EXPECT_EQ(list(result.codes[i]), expected.at(executor.model().network.outputs()[i]).values);
    }
    EXPECT_EQ(result.saturated, obvious.outside());
    outside += result.saturated;
  }
  // The networks are varied enough to mean something.
  EXPECT_GT(stages, 5 * kNetworks);
  EXPECT_GT(fused, kNetworks);
  EXPECT_GT(outside, kNetworks);
}

TEST(IntegerNetworks, OneThreadGivesWhatManyGive) {
  Random random(8);
  for (int trial = 0; trial < 60; ++trial) {
    const IntegerExecutor executor(random_model(random, RandomNetwork(random, true).build()));
    const Tensor input = random_input(random, executor.model().network);
    RunOptions many;
    many.threads = 3;
    const auto a = executor.run(one(input), {}), b = executor.run(one(input), many);
    EXPECT_EQ(a.codes, b.codes);
    EXPECT_EQ(a.saturated, b.saturated);
  }
}

// A trace alone holds all that its output needs: convolution, shift, ReLU, pooling as its fields say.
void expect_follows_from_trace(const LayerTrace& trace) {
  const ConvolutionShape& s = trace.workload->workload.shape;
  std::vector<int64_t> sums(static_cast<size_t>(s.out_channels * s.out_rows * s.out_columns));
  const auto bias = trace.bias == nullptr ? std::span<const int64_t>() : trace.bias->values<int64_t>();
  convolve_reference<int16_t, int64_t>(s, trace.input->values<int16_t>(), trace.weights->values<int16_t>(),
                                       bias, sums);
  for (int64_t& sum : sums) {
    sum = fit(shift_rounded(sum, trace.output_shift(), trace.rounding), trace.output_format, trace.overflow);
    if (trace.workload->relu) sum = std::max<int64_t>(sum, 0);
  }
  if (!trace.workload->pooling) {
    EXPECT_EQ(list(*trace.output), sums);
    return;
  }
  const Pooling& pooling = *trace.workload->pooling;
  const auto out = trace.output->values<int16_t>();
  const int64_t rows = trace.output->dim(2), columns = trace.output->dim(3);
  for (int64_t i = 0; i < trace.output->size(); ++i) {
    const int64_t k = i / (rows * columns), p = i / columns % rows, q = i % columns;
    int64_t best = -40000, sum = 0, count = 0;
    for (int64_t r = 0; r < pooling.rows; ++r) {
      for (int64_t c = 0; c < pooling.columns; ++c) {
        const int64_t row = p * pooling.stride_rows + r - pooling.pad_top,
                      column = q * pooling.stride_columns + c - pooling.pad_left;
        if (row < 0 || row >= s.out_rows || column < 0 || column >= s.out_columns) continue;
        const int64_t value = sums[static_cast<size_t>((k * s.out_rows + row) * s.out_columns + column)];
        best = std::max(best, value);
        sum += value;
        ++count;
      }
    }
    const int64_t wanted =
        pooling.kind == Pooling::Kind::max ? best : divide_rounded(sum, count, trace.rounding);
    ASSERT_EQ(out[static_cast<size_t>(i)], wanted);
  }
}

TEST(IntegerNetworks, OutputsFollowFromTheirTraces) {
  Random random(9);
  int64_t pooled = 0, matrices = 0;
  for (int trial = 0; trial < kNetworks; ++trial) {
    SCOPED_TRACE(trial);
    const IntegerExecutor executor(random_model(random, RandomNetwork(random, false).build()));
    const Tensor input = random_input(random, executor.model().network);
    executor.run(one(input), {}, [&](const Stage&, const LayerTrace& trace) {
      if (!trace.workload) return;
      expect_follows_from_trace(trace);
      pooled += trace.workload->pooling ? 1 : 0;
      matrices += trace.workload->workload.kind == WorkloadKind::fully_connected ? 1 : 0;
    });
  }
  EXPECT_GT(pooled, 50);
  EXPECT_GE(matrices, kNetworks);
}

TEST(IntegerNetworks, SixteenCalibratedBitsAreCloseToFloat) {
  Random random(10);
  for (int trial = 0; trial < 40; ++trial) {
    SCOPED_TRACE(trial);
    const Network network = RandomNetwork(random, true).build();
    const Tensor input = random_input(random, network);
    Calibrator calibrator(network, {});
    calibrator.add(one(input));
    const IntegerExecutor executor(calibrator.model());
    const auto expected = execute(network, one(input), {});
    const auto result = executor.run(one(input), {});
    for (size_t i = 0; i < expected.size(); ++i) {
      const double largest = largest_magnitude(expected[i]);
      for (int64_t j = 0; j < expected[i].size(); ++j) {
        const size_t at = static_cast<size_t>(j);
        // A dozen roundings of 2^-15 of the range each, amplified by sums of weights around 1.
        ASSERT_NEAR(result.values[i].values<float>()[at], expected[i].values<float>()[at],
                    4e-3 * largest + 1e-3);
      }
    }
  }
}

TEST(IntegerNetworks, FormatsAsTextGiveTheSameModel) {
  Random random(11);
  for (int trial = 0; trial < 30; ++trial) {
    const IntegerModel model = random_model(random, RandomNetwork(random, true).build());
    const IntegerModel again = model_from_formats(model.network, formats_text(model), "formats.txt");
    EXPECT_EQ(again.formats, model.formats);
    EXPECT_EQ(again.arithmetic, model.arithmetic);
    EXPECT_EQ(again.host_reasons, model.host_reasons);
  }
}

TEST(IntegerNetworks, SavedTracesAreReplayedAsTheyWere) {
  Random random(12);
  for (int trial = 0; trial < 30; ++trial) {
    const IntegerExecutor executor(random_model(random, RandomNetwork(random, true).build()));
    const Tensor input = random_input(random, executor.model().network);
    TraceCollector collector, again;
    executor.run(one(input), {}, [&](const Stage&, const LayerTrace& trace) { collector.add(trace); });
    replay(collector.arrays(), "traces.npz", [&](const LayerTrace& trace) { again.add(trace); });
    EXPECT_EQ(again.arrays(), collector.arrays());
  }
}

}  // namespace
}  // namespace deltahop
