// SPDX-License-Identifier: Apache-2.0
// EdgeDRNN and DeltaRNN against what was published of them, from seeded synthetic traces: sizes only, no
// weights. The densities follow from the published throughputs, so this checks consistency.
#include <gtest/gtest.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/network/synthetic_sequence.h"

namespace deltahop {
namespace {

struct Result {
  double gops, step_us, sparsity;
};

// 40 inputs, all values change with this probability.
Result simulated(const Accelerator& chip, int64_t units, int layers, int64_t steps, double density) {
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack;
  for (int k = 0; k < layers; ++k) {
    auto layer = std::make_shared<IntegerDeltaGruLayer>();
    layer->formats = *chip.recurrent_formats();
    layer->inputs = k == 0 ? 40 : units;
    layer->hidden = units;
    stack.push_back(layer);
  }
  const auto traces = synthetic_sequence(stack, steps, density, 1);
  std::vector<LayerTrace> wrapped(traces.size());
  for (size_t k = 0; k < traces.size(); ++k) wrapped[k].recurrent = &traces[k];
  Stats stats;
  for (const Stats& layer : chip.simulate_steps(wrapped).layers) stats += layer;
  const double seconds = static_cast<double>(stats.cycles().number()) / chip.architecture().clock.number();
  const auto dense = static_cast<double>(stats.dense_macs());
  return {2e-9 * dense / seconds, 1e6 * seconds / static_cast<double>(steps),
          1 - static_cast<double>(stats.macs_done) / dense};
}

TEST(EdgeDrnnPublished, TwoLayersOf768UnitsReach20Point2GopsAt90Point2PercentSparsity) {
  const Result result = simulated(*make_accelerator("edge_drnn", {}), 768, 2, 300, 0.098);
  EXPECT_NEAR(result.sparsity, 0.902, 0.002);
  EXPECT_NEAR(result.gops, 20.2, 20.2 * 0.02);
  EXPECT_NEAR(result.step_us, 535, 535 * 0.02);
}

// A column is one burst of 2304 bytes: with two asked for at a time nothing shows, alone its latency does.
TEST(EdgeDrnnPublished, BehindDdr3lLittleIsLost) {
  const std::string part = "dram.part=ddr3l_1600_4gb_x16";
  const double ideal = simulated(*make_accelerator("edge_drnn", {}), 768, 2, 60, 0.098).gops;
  const double ahead = simulated(*make_accelerator("edge_drnn", {part}), 768, 2, 60, 0.098).gops;
  const double alone =
      simulated(*make_accelerator("edge_drnn", {part, "dram.columns_in_flight=1"}), 768, 2, 60, 0.098).gops;
  EXPECT_GT(ahead, 0.995 * ideal);
  EXPECT_LT(alone, 0.99 * ideal);
  EXPECT_GT(alone, 0.95 * ideal);
}

// 2 x weights / 2 GOp/s: the products alone.
TEST(EdgeDrnnPublished, DenseStepsTakeWhatTheirOperationsTakeAtThePeak) {
  const auto chip = make_accelerator("edge_drnn", {});
  for (const auto& [units, layers, microseconds] :
       {std::tuple(256, 1, 227.3), {256, 2, 620.5}, {512, 1, 847.9}, {768, 1, 1861.6}, {768, 2, 5400.6}})
    EXPECT_NEAR(simulated(*chip, units, layers, 200, 1).step_us, microseconds, 0.02 * microseconds);
}

// 1.2 TOp/s are 6.25 times the peak of 192 GOp/s: more than the gain of 5.7 of the same abstract.
TEST(DeltaRnnPublished, ThroughputAndGainMeetTheirFiguresAtDifferentSparsities) {
  const auto chip = make_accelerator("delta_rnn", {});
  const Result dense = simulated(*chip, 256, 1, 500, 1);
  EXPECT_LT(dense.gops, 192);
  const Result fast = simulated(*chip, 256, 1, 500, 0.065);
  EXPECT_NEAR(fast.gops, 1200, 1200 * 0.02);
  EXPECT_GT(fast.gops / dense.gops, 6.25);
  const Result gain = simulated(*chip, 256, 1, 500, 0.102);
  EXPECT_NEAR(gain.gops / dense.gops, 5.7, 5.7 * 0.02);
  EXPECT_LT(gain.gops, 5.7 * 192);
}

}  // namespace
}  // namespace deltahop
