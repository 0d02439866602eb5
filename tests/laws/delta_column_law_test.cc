// SPDX-License-Identifier: Apache-2.0
// The promise of the house for delta networks: the native kernels, the integer executor and EdgeDRNN's
// ticking model skip the same columns on the same input, and give the same bits.
#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/accelerators/edge_drnn/edge_drnn.h"
#include "deltahop/accelerators/edge_drnn/ticking.h"
#include "deltahop/base/random.h"
#include "deltahop/network/edge_drnn_vectors_testing.h"
#include "deltahop/run/fixed_point_cell.h"
#include "deltahop/run/integer_recurrent.h"
#include "deltahop/run/session.h"

namespace deltahop {
namespace {

Tensor random_tensor(Shape shape, double spread, Random& random) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-spread, spread));
  return tensor;
}

// GRUs one behind the other over an open number of steps; inputs and units in multiples of 8, as the chip
// pads.
Network random_grus(const std::vector<int64_t>& sizes, uint64_t seed) {
  Random random(seed);
  NetworkBuilder builder("grus");
  ValueId value = builder.input("x", DataType::float32, {kSymbolic, 1, sizes[0]}, {"time", "", ""});
  const ValueId axis = builder.constant("axis", Tensor::of<int64_t>({1}, {1}));
  for (size_t i = 1; i < sizes.size(); ++i) {
    const std::string name = "gru" + std::to_string(i);
    const int64_t rows = 3 * sizes[i];
    Tensor bias = random_tensor({1, 2 * rows}, 0.3, random);
    // The chip has no place for the candidate's recurrent bias.
    for (int64_t unit = 0; unit < sizes[i]; ++unit)
      bias.values<float>()[static_cast<size_t>(rows + 2 * sizes[i] + unit)] = 0.0F;
    const ValueId w = builder.constant(name + ".w", random_tensor({1, rows, sizes[i - 1]}, 0.4, random));
    const ValueId r = builder.constant(name + ".r", random_tensor({1, rows, sizes[i]}, 0.3, random));
    const ValueId b = builder.constant(name + ".b", std::move(bias));
    value = builder.node("GRU", name, {value, w, r, b},
                         {{"hidden_size", sizes[i]}, {"linear_before_reset", int64_t{1}}})[0];
    value = builder.node("Squeeze", name + ".squeeze", {value, axis})[0];
  }
  builder.output(value);
  return builder.build();
}

// A slow walk, [steps, 1, size].
Tensor walk(int64_t steps, int64_t size, uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, {steps, 1, size});
  const auto values = tensor.values<float>();
  const auto width = static_cast<size_t>(size);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = (i < width ? 0.0F : 0.97F * values[i - width]) +
                static_cast<float>(random.normal() * (random.chance(0.2) ? 0.4 : 0.02));
  }
  return tensor;
}

int64_t sum(const std::vector<int32_t>& counts) {
  int64_t total = 0;
  for (const int32_t each : counts) total += each;
  return total;
}

struct Columns {
  int64_t x = 0, h = 0;
  friend bool operator==(const Columns&, const Columns&) = default;
};

TEST(DeltaColumnLaw, NativeKernelsIntegerExecutorAndEdgeDrnnSkipTheSameColumns) {
  constexpr int64_t kSteps = 60;
  const auto chip = make_accelerator("edge_drnn", {});
  const edge_drnn::EdgeDrnnConfig& config = dynamic_cast<const edge_drnn::EdgeDrnn&>(*chip).config();
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const double theta = 0.02 * static_cast<double>(seed - 1);
    const Network network = random_grus({8, 16, 24}, seed);
    const ThresholdTable thresholds{{{"*", {theta, theta, 0}}}};
    const Tensor frames = walk(kSteps, 8, 100 + seed);

    Session session(network, {.precision = Precision::edge_drnn, .thresholds = thresholds});
    std::vector<float> native;
    for (int64_t t = 0; t < kSteps; ++t) {
      session.step(frames.values<float>().subspan(static_cast<size_t>(t * 8), 8));
      native.insert(native.end(), session.output().begin(), session.output().end());
    }
    const RecurrentModel model =
        recurrent_model(network.bound({{kSteps, 1, 8}}), *chip->recurrent_formats(), thresholds);
    const RecurrentRun executed = run_recurrent(model, {frames}, {});
    std::vector<const RecurrentTrace*> traces;
    for (const RecurrentTrace& trace : executed.traces) traces.push_back(&trace);
    std::vector<Tensor> chip_outputs;
    const auto ticked = edge_drnn::tick(config, traces, {}, &chip_outputs);

    const auto streams = session.statistics().streams;
    ASSERT_EQ(streams.size(), 4u);
    for (size_t layer = 0; layer < 2; ++layer) {
      const Columns kernel{streams[2 * layer].sent, streams[2 * layer + 1].sent};
      const Columns executor{sum(executed.traces[layer].sent_x), sum(executed.traces[layer].sent_h)};
      const Columns model_of_chip{ticked[layer].sent_x, ticked[layer].sent_h};
      EXPECT_EQ(kernel, executor) << "layer " << layer << " seed " << seed;
      EXPECT_EQ(kernel, model_of_chip) << "layer " << layer << " seed " << seed;
    }
    EXPECT_EQ(chip_outputs.back(), executed.traces.back().outputs);
    const auto wanted = executed.outputs.at(0).values<float>();
    ASSERT_EQ(native.size(), wanted.size());
    for (size_t i = 0; i < native.size(); ++i) ASSERT_EQ(native[i], wanted[i]) << "seed " << seed;
  }
}

// The authors' test bench: 16,000 expected outputs, and the columns that our regression table counts for
// them.
TEST(DeltaColumnLaw, NativeKernelsGiveTheHardwaresOutputs) {
  const auto vectors = edge_drnn_vectors();
  if (!vectors) GTEST_SKIP() << "DELTAHOP_DATA is unset";
  for (const auto& [theta, columns] : {std::pair(0, 21498), {2, 16923}, {8, 11889}, {32, 3239}, {128, 458}}) {
    const auto layers = vectors->layers(theta, theta);
    const auto traces = vectors->run(theta, theta);
    const auto first = make_fixed_point_cell(layers[0], {.name = "gru1"});
    const auto second = make_fixed_point_cell(layers[1], {.name = "gru2"});
    std::vector<float> x(8), h1(16, 0.0F), h2(16, 0.0F);
    const auto stimuli = vectors->stimuli.values<int16_t>();
    int64_t mismatches = 0;
    for (size_t t = 0; t < 1000; ++t) {
      for (size_t i = 0; i < 8; ++i) x[i] = std::ldexp(static_cast<float>(stimuli[t * 8 + i]), -8);
      first->step(x, h1, {});
      second->step(h1, h2, {});
      for (size_t i = 0; i < 16; ++i) {
        const int16_t wanted =
            theta == 0 ? vectors->golden[t * 16 + i] : traces[1].outputs.values<int16_t>()[t * 16 + i];
        mismatches += h2[i] == std::ldexp(static_cast<float>(wanted), -8) ? 0 : 1;
      }
    }
    EXPECT_EQ(mismatches, 0) << "threshold " << theta;
    std::vector<StreamStatistics> counts;
    first->add_statistics(counts);
    second->add_statistics(counts);
    int64_t sent = 0;
    for (const StreamStatistics& each : counts) sent += each.sent;
    EXPECT_EQ(sent, columns) << "threshold " << theta;
  }
}

}  // namespace
}  // namespace deltahop
