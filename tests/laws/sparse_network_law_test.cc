// SPDX-License-Identifier: Apache-2.0
// The sparse engine gives the integer executor's codes for any network of 8-bit formats, any rounding, and
// whichever path each convolution takes; and the float executor's values but for the order of sums.
#include <gtest/gtest.h>

#include "deltahop/kernels/target_testing.h"
#include "deltahop/run/sparse_network.h"
#include "tests/laws/random_network.h"

namespace deltahop {
namespace {

std::vector<Tensor> random_input(Random& random, const Network& network) {
  std::vector<Tensor> inputs;
  inputs.push_back(random_tensor(random, *network.value(network.inputs()[0].value).shape, 1.0));
  if (random.chance(0.5)) {
    for (float& value : inputs[0].values<float>()) value = std::abs(value);
  }
  return inputs;
}

// random_model() with formats that the engine takes; now and then one that it does not.
IntegerModel small_model(Random& random, Network network) {
  IntegerModel model = random_model(random, std::move(network));
  for (auto& [id, format] : model.formats) {
    const int bits = random.chance(0.02) ? 9 : static_cast<int>(random.integer(3, 8));
    format = {bits, bits - static_cast<int>(random.integer(-1, 4)), true};
  }
  for (const auto& group : values_of_one_format(model.network)) {
    for (const ValueId id : group) model.formats[id] = model.formats[group[0]];
  }
  return model;
}

void check_codes() {
  Random random(31);
  int64_t sparse = 0, dense = 0, offset = 0, general = 0;
  for (int trial = 0; trial < 300; ++trial) {
    SCOPED_TRACE(trial);
    const IntegerModel model = small_model(random, RandomNetwork(random, true).build());
    const IntegerExecutor executor(model);
    SparseNetwork network(model, {.threads = random.chance(0.1) ? 2 : 1, .count_macs = true});
    for (size_t i = 0; i < network.layers().size(); ++i) network.set_break_even(i, random.uniform());
    for (const PathRule rule : {PathRule::sparse, PathRule::dense, PathRule::measured}) {
      network.set_rule(rule);
      const std::vector<Tensor> inputs = random_input(random, model.network);
      const IntegerResult expected = executor.run(inputs, {});
      const IntegerResult result = network.run(inputs);
      EXPECT_EQ(result.codes, expected.codes);
      EXPECT_EQ(result.values, expected.values);
      for (const SparseLayer& layer : network.layers()) {
        EXPECT_LE(layer.executed_macs, layer.dense_macs);
        (layer.path == ConvolutionPath::sparse ? sparse : dense) += 1;
        offset += layer.offset_input ? 1 : 0;
      }
    }
    general += static_cast<int64_t>(network.general_nodes().size());
  }
  // The networks are varied enough to mean something.
  EXPECT_GT(sparse, 300);
  EXPECT_GT(dense, 300);
  EXPECT_GT(offset, 150);
  EXPECT_GT(general, 150);
}

// On processors without byte products the engine takes other ways.
TEST(SparseNetworkLaw, CodesAreTheExecutorsOnEveryPathAndTarget) { on_every_target(check_codes); }

TEST(SparseNetworkLaw, FloatsAreTheExecutorsButForTheOrderOfSums) {
  Random random(32);
  int64_t sparse = 0;
  for (int trial = 0; trial < 100; ++trial) {
    SCOPED_TRACE(trial);
    const Network own = RandomNetwork(random, true).build();
    SparseNetwork network(own, {});
    for (const PathRule rule : {PathRule::sparse, PathRule::dense}) {
      network.set_rule(rule);
      const std::vector<Tensor> inputs = random_input(random, own);
      const std::vector<Tensor> expected = execute(own, inputs, {});
      const IntegerResult result = network.run(inputs);
      ASSERT_EQ(result.values.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(result.values[i].shape(), expected[i].shape());
        const double largest = largest_magnitude(expected[i]);
        for (size_t j = 0; j < expected[i].values<float>().size(); ++j)
          ASSERT_NEAR(result.values[i].values<float>()[j], expected[i].values<float>()[j],
                      1e-5 * (1 + largest));
      }
      for (const SparseLayer& layer : network.layers())
        sparse += layer.path == ConvolutionPath::sparse ? 1 : 0;
    }
  }
  EXPECT_GT(sparse, 100);
}

}  // namespace
}  // namespace deltahop
