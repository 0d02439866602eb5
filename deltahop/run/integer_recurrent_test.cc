// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/integer_recurrent.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"

namespace deltahop {
namespace {

using testing::HasSubstr;

// Multiples of 1/128, so that Q1.7 holds them exactly.
Tensor random_weights(Random& random, Shape shape) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.integer(-60, 60)) / 128.0f;
  return tensor;
}

struct GruOptions {
  std::string operator_name = "GRU";
  int64_t linear_before_reset = 1;
  bool candidate_bias = false;
  std::string between = "Squeeze";  // layer in front of the second GRU
  int64_t layout = 0;
};

// Two GRUs of 6 units behind an input [T, 1, 4], and a matrix product behind them.
Network two_grus(const GruOptions& options = {}) {
  Random random(7);
  NetworkBuilder builder("two");
  const bool batch_first = options.layout == 1;
  ValueId x = builder.input("x", DataType::float32, batch_first ? Shape{1, 20, 4} : Shape{20, 1, 4});
  for (int layer = 0; layer < 2; ++layer) {
    const int64_t inputs = layer == 0 ? 4 : 6;
    const int64_t gates = options.operator_name == "LSTM" ? 4 : 3;
    const std::string n = std::to_string(layer);
    const ValueId w = builder.constant("w" + n, random_weights(random, {1, gates * 6, inputs}));
    const ValueId r = builder.constant("r" + n, random_weights(random, {1, gates * 6, 6}));
    Tensor bias = random_weights(random, {1, gates * 12});
    for (float& value : bias.values<float>()) value = std::abs(value) / 4;
    if (!options.candidate_bias)
      for (int64_t unit = 30; unit < 36; ++unit) bias.values<float>()[static_cast<size_t>(unit)] = 0;
    const ValueId b = builder.constant("b" + n, bias);
    Attributes attributes{{"hidden_size", int64_t{6}}, {"layout", options.layout}};
    if (options.operator_name == "GRU") attributes.set("linear_before_reset", options.linear_before_reset);
    const ValueId y = builder.node(options.operator_name, "layer" + n, {x, w, r, b}, attributes)[0];
    const ValueId axes =
        builder.constant("axes" + n, Tensor::of({1}, std::vector<int64_t>{batch_first ? 2 : 1}));
    x = builder.node("Squeeze", "squeeze" + n, {y, axes})[0];
    if (layer == 0 && options.between != "Squeeze") x = builder.node(options.between, "between", {x})[0];
  }
  builder.output(
      builder.node("MatMul", "dense", {x, builder.constant("m", random_weights(random, {6, 2}))})[0]);
  return builder.build();
}

Tensor sine_input(Shape shape) {
  Tensor tensor(DataType::float32, std::move(shape));
  Random random(3);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(IntegerRecurrent, FollowsTheFloatNetworkAndChainsItsLayers) {
  for (const int64_t layout : {0, 1}) {
    const Network network = two_grus({.candidate_bias = true, .layout = layout});
    const RecurrentModel model = recurrent_model(network, DeltaGruFormats{.gate_fraction_bits = 8}, {});
    ASSERT_EQ(model.layers.size(), 2u);
    EXPECT_EQ(chain_fault(model), "");
    const std::vector<Tensor> inputs = {sine_input(layout == 1 ? Shape{1, 20, 4} : Shape{20, 1, 4})};
    const RecurrentRun run = run_recurrent(model, inputs, {});
    EXPECT_EQ(run.traces[1].inputs, run.traces[0].outputs);
    const Tensor expected = execute(network, inputs, {})[0];
    ASSERT_EQ(run.outputs[0].shape(), expected.shape());
    for (size_t k = 0; k < expected.values<float>().size(); ++k)
      EXPECT_NEAR(run.outputs[0].values<float>()[k], expected.values<float>()[k], 0.05);
  }
}

TEST(IntegerRecurrent, TracesAreThoseOfTheIntegerCellAlone) {
  const RecurrentModel model =
      recurrent_model(two_grus(), {}, parse_thresholds("* theta_x=0.1 theta_h=0.2", "test"));
  const RecurrentRun run = run_recurrent(model, {sine_input({20, 1, 4})}, {});
  EXPECT_EQ(run.traces[0].layer->theta_x, 26);
  EXPECT_EQ(run.traces[0].layer->theta_h, 52);
  EXPECT_EQ(run_sequence(model.stack()[0], run.traces[0].inputs).outputs, run.traces[0].outputs);
  EXPECT_LT(run.traces[0].columns(), 20 * 10);
}

TEST(IntegerRecurrent, ALayerThatComputesBetweenTwoGrusIsNamed) {
  EXPECT_EQ(chain_fault(recurrent_model(two_grus({.between = "Identity"}), {}, {})), "");
  EXPECT_THAT(chain_fault(recurrent_model(two_grus({.between = "Relu"}), {}, {})),
              HasSubstr("'between' comes first"));
}

TEST(IntegerRecurrent, OtherRecurrentLayersAreRefusedWithTheirNode) {
  EXPECT_THAT(refusal([] { recurrent_model(two_grus({.operator_name = "LSTM"}), {}, {}); }),
              testing::AllOf(HasSubstr("layer0"), HasSubstr("LSTM")));
  EXPECT_THAT(refusal([] { recurrent_model(two_grus({.linear_before_reset = 0}), {}, {}); }),
              testing::AllOf(HasSubstr("layer0"), HasSubstr("linear_before_reset = 0")));
}

TEST(IntegerRecurrent, AStateAtTheStartMustBeZero) {
  Random random(1);
  for (const float start : {0.0f, 0.5f}) {
    NetworkBuilder builder("stateful");
    const ValueId x = builder.input("x", DataType::float32, {5, 1, 3});
    const ValueId h = builder.input("h", DataType::float32, {1, 1, 4});
    const ValueId w = builder.constant("w", random_weights(random, {1, 12, 3}));
    const ValueId r = builder.constant("r", random_weights(random, {1, 12, 4}));
    const auto outputs = builder.node("GRU", "gru", {x, w, r, kNoValue, kNoValue, h},
                                      {{"hidden_size", int64_t{4}}, {"linear_before_reset", int64_t{1}}}, 2);
    builder.output(outputs[1]);
    const RecurrentModel model = recurrent_model(builder.build(), {}, {});
    const std::vector<Tensor> inputs = {sine_input({5, 1, 3}),
                                        Tensor::of({1, 1, 4}, std::vector<float>(4, start))};
    const std::string fault = refusal([&] {
      const RecurrentRun run = run_recurrent(model, inputs, {});
      EXPECT_EQ(run.outputs[0].values<float>()[3], run.traces[0].outputs.values<int16_t>()[19] / 256.0f)
          << "Y_h";
    });
    if (start == 0.0f) {
      EXPECT_EQ(fault, "");
    } else {
      EXPECT_THAT(fault, HasSubstr("starts from a state"));
    }
  }
}

TEST(IntegerRecurrent, ANetworkWithoutGruIsRefused) {
  NetworkBuilder builder("plain");
  builder.output(builder.node("Relu", "relu", {builder.input("x", DataType::float32, {1})})[0]);
  const Network network = builder.build();
  EXPECT_THAT(refusal([&] { recurrent_model(network, {}, {}); }), HasSubstr("plain: has no GRU"));
}

}  // namespace
}  // namespace deltahop
