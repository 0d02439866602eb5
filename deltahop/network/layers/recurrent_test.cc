// SPDX-License-Identifier: Apache-2.0
// GRU, LSTM and RNN by ONNX's equations written out, and by their laws over time, batch and direction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "deltahop/network/recurrent_testing.h"

namespace deltahop {
namespace {

using ::testing::HasSubstr;

constexpr int kRounds = 60;

Tensor doubles(Shape shape, const std::vector<double>& values) {
  return Tensor::of<double>(std::move(shape), values);
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(to_text(a.shape()), to_text(b.shape()));
  const std::vector<double> x = list_of<double>(a), y = list_of<double>(b);
  double difference = 0;
  for (size_t i = 0; i < x.size() && i < y.size(); ++i)
    difference = std::max(difference, std::abs(x[i] - y[i]));
  return difference;
}

// The part of axis `axis` from `begin` to `end`.
Tensor part(const Tensor& tensor, size_t axis, int64_t begin, int64_t end) {
  const Tensor starts = Tensor::of<int64_t>({1}, {begin}), ends = Tensor::of<int64_t>({1}, {end}),
               axes = Tensor::of<int64_t>({1}, {static_cast<int64_t>(axis)});
  return run_layer("Slice", {}, {&tensor, &starts, &ends, &axes})[0];
}
Tensor reversed(const Tensor& tensor, size_t axis) {
  const Tensor starts = Tensor::of<int64_t>({1}, {-1}),
               ends = Tensor::of<int64_t>({1}, {std::numeric_limits<int64_t>::min()}),
               axes = Tensor::of<int64_t>({1}, {static_cast<int64_t>(axis)}),
               steps = Tensor::of<int64_t>({1}, {-1});
  return run_layer("Slice", {}, {&tensor, &starts, &ends, &axes, &steps})[0];
}
Tensor permuted(const Tensor& tensor, const Integers& order) {
  return run_layer("Transpose", {{"perm", order}}, {&tensor})[0];
}
Tensor joined(const Tensor& a, const Tensor& b, int64_t axis) {
  return run_layer("Concat", {{"axis", axis}}, {&a, &b})[0];
}
bool is_absent(const Tensor& tensor) { return tensor.shape() == Shape{0}; }

std::string fault_of(const std::string& name, Attributes attributes,
                     const std::vector<const Tensor*>& inputs) {
  try {
    run_layer(name, std::move(attributes), inputs);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Rnn, IsTheHyperbolicTangentOfInputAndState) {
  const Tensor x = doubles({2, 1, 1}, {0.5, -1}), w = doubles({1, 1, 1}, {2}), r = doubles({1, 1, 1}, {-0.5}),
               b = doubles({1, 2}, {0.25, 0.125});
  const auto y = run_layer("RNN", {{"hidden_size", int64_t{1}}}, {&x, &w, &r, &b}, 2);
  const double first = std::tanh(2 * 0.5 + 0.375), second = std::tanh(-2 - 0.5 * first + 0.375);
  EXPECT_NEAR(y[0].values<double>()[0], first, 1e-15);
  EXPECT_NEAR(y[0].values<double>()[1], second, 1e-15);
  EXPECT_NEAR(y[1].values<double>()[0], second, 1e-15);
}

TEST(Gru, ResetsTheStateBeforeOrAfterTheProduct) {
  const Tensor x = doubles({1, 1, 1}, {0.5}), w = doubles({1, 3, 1}, {1, -1, 0.5}),
               r = doubles({1, 3, 1}, {0.5, 0.75, -2}), b = doubles({1, 6}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}),
               h = doubles({1, 1, 1}, {0.8});
  const double z = sigmoid(0.5 + 0.5 * 0.8 + 0.5), gate = sigmoid(-0.5 + 0.75 * 0.8 + 0.7);
  const double before = std::tanh(0.25 + 0.3 - 2 * (gate * 0.8) + 0.6),
               after = std::tanh(0.25 + 0.3 + gate * (-2 * 0.8 + 0.6));
  for (const int64_t linear : {0, 1}) {
    const auto y = run_layer("GRU", {{"linear_before_reset", linear}}, {&x, &w, &r, &b, nullptr, &h}, 2);
    EXPECT_NEAR(y[1].values<double>()[0], (1 - z) * (linear == 1 ? after : before) + z * 0.8, 1e-15);
  }
}

TEST(Lstm, PeepsAtTheCellStateAndCouplesItsGates) {
  const Tensor x = doubles({1, 1, 1}, {0.5}), w = doubles({1, 4, 1}, {1, -1, 0.5, 2}),
               r = doubles({1, 4, 1}, {0.5, 0.75, -2, 1}), h = doubles({1, 1, 1}, {0.8}),
               c = doubles({1, 1, 1}, {-0.6}), p = doubles({1, 3}, {0.3, -0.4, 0.7});
  for (const int64_t coupled : {0, 1}) {
    const auto y =
        run_layer("LSTM", {{"input_forget", coupled}}, {&x, &w, &r, nullptr, nullptr, &h, &c, &p}, 3);
    const double i = sigmoid(0.5 + 0.4 - 0.6 * 0.3),
                 f = coupled == 1 ? 1 - i : sigmoid(0.25 - 1.6 - 0.6 * 0.7);
    const double state = f * -0.6 + i * std::tanh(1 + 0.8);
    EXPECT_NEAR(y[2].values<double>()[0], state, 1e-15);
    EXPECT_NEAR(y[1].values<double>()[0], sigmoid(-0.5 + 0.6 - 0.4 * state) * std::tanh(state), 1e-15);
  }
}

TEST(Recurrent, KnowsTheActivationsOfOnnx) {
  const std::vector<std::pair<std::string, std::function<double(double)>>> known = {
      {"Sigmoid", sigmoid},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"Affine", [](double x) { return 0.75 * x + 0.125; }},
      {"LeakyRelu", [](double x) { return x < 0 ? 0.75 * x : x; }},
      {"ThresholdedRelu", [](double x) { return x >= 0.75 ? x : 0; }},
      {"ScaledTanh", [](double x) { return 0.75 * std::tanh(0.125 * x); }},
      {"HardSigmoid", [](double x) { return std::min(1.0, std::max(0.0, 0.75 * x + 0.125)); }},
      {"Elu", [](double x) { return x < 0 ? 0.75 * (std::exp(x) - 1) : x; }},
      {"Softsign", [](double x) { return x / (1 + std::abs(x)); }},
      {"softplus", [](double x) { return std::log(1 + std::exp(x)); }}};
  const Tensor w = doubles({1, 1, 1}, {1}), r = doubles({1, 1, 1}, {0});
  for (const auto& [name, function] : known) {
    Attributes attributes{{"activations", std::vector<std::string>{name}}};
    const bool takes_both = std::set<std::string>{"Affine", "ScaledTanh", "HardSigmoid"}.count(name) != 0;
    if (takes_both || std::set<std::string>{"LeakyRelu", "ThresholdedRelu", "Elu"}.count(name) != 0)
      attributes.set("activation_alpha", std::vector<float>{0.75f});
    if (takes_both) attributes.set("activation_beta", std::vector<float>{0.125f});
    for (const double value : {-2.0, -0.25, 0.5, 0.75, 3.0}) {
      const Tensor x = doubles({1, 1, 1}, {value});
      EXPECT_NEAR(run_layer("RNN", attributes, {&x, &w, &r})[0].values<double>()[0], function(value), 1e-15)
          << name << " of " << value;
    }
  }
}

TEST(Recurrent, GivesEachActivationTheNumbersThatItTakes) {
  // f takes none, g both, h one: the first alpha is g's.
  const Tensor x = doubles({1, 1, 1}, {0.5}), w = doubles({1, 4, 1}, {0, 0, 0, 1}),
               r = doubles({1, 4, 1}, {0, 0, 0, 0});
  const auto y = run_layer("LSTM",
                           {{"activations", std::vector<std::string>{"Sigmoid", "Affine", "LeakyRelu"}},
                            {"activation_alpha", std::vector<float>{-3.0f, 0.5f}},
                            {"activation_beta", std::vector<float>{0.25f}}},
                           {&x, &w, &r}, 3);
  const double state = 0.5 * (-3 * 0.5 + 0.25);
  EXPECT_NEAR(y[2].values<double>()[0], state, 1e-15);
  EXPECT_NEAR(y[1].values<double>()[0], 0.5 * 0.5 * state, 1e-15);
}

TEST(Recurrent, ClipsWhatGoesIntoTheGates) {
  const Tensor x = doubles({1, 1, 1}, {5}), w = doubles({1, 1, 1}, {1}), r = doubles({1, 1, 1}, {0});
  EXPECT_NEAR(run_layer("RNN", {{"clip", 0.5f}}, {&x, &w, &r})[0].values<double>()[0], std::tanh(0.5), 1e-15);
}

TEST(Recurrent, GoesOnWhereItStopped) {
  Random random(1);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase whole = random_recurrent_case(random);
    if (whole.steps < 2) continue;
    const auto wanted = whole.run();
    RecurrentCase first = whole, second = whole;
    first.inputs[0] = part(whole.inputs[0], 0, 0, whole.steps / 2);
    second.inputs[0] = part(whole.inputs[0], 0, whole.steps / 2, whole.steps);
    const auto half = first.run();
    second.inputs[5] = half[1];
    if (whole.kind == CellKind::lstm) second.inputs[6] = half[2];
    const auto found = second.run();
    EXPECT_LT(largest_difference(joined(half[0], found[0], 0), wanted[0]), 1e-13);
    for (size_t i = 1; i < wanted.size(); ++i) EXPECT_LT(largest_difference(found[i], wanted[i]), 1e-13);
  }
}

TEST(Recurrent, GoesBackwardsThroughAReversedSequence) {
  Random random(2);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    const auto wanted = made.run();
    made.inputs[0] = reversed(made.inputs[0], 0);
    made.attributes.set("direction", std::string("reverse"));
    const auto found = made.run();
    EXPECT_LT(largest_difference(reversed(found[0], 0), wanted[0]), 1e-13);
    for (size_t i = 1; i < wanted.size(); ++i) EXPECT_LT(largest_difference(found[i], wanted[i]), 1e-13);
  }
}

TEST(Recurrent, GoesInBothDirectionsWithWeightsOfTheirOwn) {
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase one = random_recurrent_case(random);
    one.attributes.erase("activations");
    RecurrentCase other = one, both = one;
    other.attributes.set("direction", std::string("reverse"));
    both.attributes.set("direction", std::string("bidirectional"));
    for (size_t i = 1; i < one.inputs.size(); ++i) {
      if (is_absent(one.inputs[i])) continue;
      other.inputs[i] = random_doubles(random, one.inputs[i].shape(), 0.4);
      both.inputs[i] = joined(one.inputs[i], other.inputs[i], 0);
    }
    const auto a = one.run(), b = other.run(), found = both.run();
    EXPECT_LT(largest_difference(joined(a[0], b[0], 1), found[0]), 1e-13);
    for (size_t i = 1; i < a.size(); ++i)
      EXPECT_LT(largest_difference(joined(a[i], b[i], 0), found[i]), 1e-13);
  }
}

TEST(Recurrent, TakesTheBatchFirstInLayoutOne) {
  Random random(4);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    const auto wanted = made.run();
    made.attributes.set("layout", int64_t{1});
    made.inputs[0] = permuted(made.inputs[0], {1, 0, 2});
    for (const size_t i : {5, 6}) {
      if (i < made.inputs.size() && !is_absent(made.inputs[i]))
        made.inputs[i] = permuted(made.inputs[i], {1, 0, 2});
    }
    const auto found = made.run();
    EXPECT_LT(largest_difference(permuted(found[0], {1, 2, 0, 3}), wanted[0]), 1e-13);
    for (size_t i = 1; i < wanted.size(); ++i)
      EXPECT_LT(largest_difference(permuted(found[i], {1, 0, 2}), wanted[i]), 1e-13);
  }
}

TEST(Recurrent, StopsEachSampleAtItsLength) {
  Random random(5);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    made.attributes.set("direction", std::string(random.chance(0.5) ? "forward" : "reverse"));
    std::vector<int32_t> lengths(static_cast<size_t>(made.batch));
    for (int32_t& length : lengths) length = static_cast<int32_t>(random.integer(0, made.steps));
    made.inputs[4] = Tensor::of<int32_t>({made.batch}, lengths);
    const auto found = made.run();
    for (int64_t sample = 0; sample < made.batch; ++sample) {
      RecurrentCase alone = made;
      const int64_t length = lengths[static_cast<size_t>(sample)];
      alone.inputs[0] = part(part(made.inputs[0], 1, sample, sample + 1), 0, 0, length);
      alone.inputs[4] = Tensor(DataType::int32, {0});
      for (const size_t i : {5, 6}) {
        if (i < made.inputs.size() && !is_absent(made.inputs[i]))
          alone.inputs[i] = part(made.inputs[i], 1, sample, sample + 1);
      }
      const auto wanted = alone.run();
      const Tensor own = part(found[0], 2, sample, sample + 1);
      EXPECT_LT(largest_difference(part(own, 0, 0, length), wanted[0]), 1e-13);
      EXPECT_EQ(largest_magnitude(part(own, 0, length, made.steps)), 0);
      for (size_t i = 1; i < wanted.size(); ++i)
        EXPECT_LT(largest_difference(part(found[i], 1, sample, sample + 1), wanted[i]), 1e-13);
    }
  }
}

TEST(Recurrent, GivesTheSameInFloatButForRounding) {
  Random random(6);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    const auto wanted = made.run();
    for (Tensor& input : made.inputs) {
      if (!is_absent(input)) input = input.converted(DataType::float32);
    }
    const auto found = made.run();
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_LT(largest_difference(found[i].converted(DataType::float64), wanted[i]), 1e-4);
  }
}

TEST(Recurrent, MakesTheSameLayerFromItsOwnAttributes) {
  Random random(7);
  for (int round = 0; round < kRounds; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    const auto layer = made_layer(std::string(name_of(made.kind)), made.attributes, made.inputs.size());
    const auto wanted = made.run();
    made.attributes = layer->attributes();
    EXPECT_TRUE(made.run()[0] == wanted[0]);
  }
}

TEST(Recurrent, ReadsTheFormOfTheFirstOperatorSet) {
  const Tensor x = doubles({1, 1, 1}, {0.5}), w = doubles({1, 3, 1}, {1, -1, 0.5}),
               r = doubles({1, 3, 1}, {0, 0, 0});
  const auto old =
      run_layer("GRU", {{"output_sequence", int64_t{1}}, {"hidden_size", int64_t{1}}}, {&x, &w, &r}, 2, 1);
  EXPECT_TRUE(old[0] == run_layer("GRU", {}, {&x, &w, &r}, 2)[0]);
}

TEST(Recurrent, LowersToItsStepsAndGates) {
  Random random(8);
  RecurrentCase made = random_recurrent_case(random);
  const Network network = made.network();
  const Node& node = network.nodes()[0];
  const auto workload = node.layer->workload(network.input_infos(node));
  ASSERT_TRUE(workload.has_value());
  EXPECT_EQ(workload->kind, WorkloadKind::recurrent);
  EXPECT_EQ(workload->time_steps, made.steps);
  const int64_t weights = gates_of(made.kind) * made.hidden * (made.features + made.hidden);
  EXPECT_EQ(workload->weights(), weights);
  EXPECT_EQ(workload->macs(), made.steps * made.batch * weights);
}

TEST(Recurrent, GivesItsCellsWithTheirWeights) {
  Random random(9);
  RecurrentCase made = random_recurrent_case(random);
  const Network network = made.network();
  const auto cells = recurrent_cells(network, network.nodes()[0]);
  ASSERT_EQ(cells.size(), 1u);
  EXPECT_EQ(cells[0].inputs, made.features);
  EXPECT_EQ(cells[0].hidden, made.hidden);
  EXPECT_EQ(cells[0].input_weights, list_of<float>(made.inputs[1].converted(DataType::float32)));
  EXPECT_EQ(cells[0].recurrent_weights, list_of<float>(made.inputs[2].converted(DataType::float32)));
  EXPECT_EQ(cells[0].input_bias.size(), cells[0].recurrent_bias.size());
}

TEST(Recurrent, SaysThatWeightsAreComputed) {
  NetworkBuilder builder("made");
  const ValueId x = builder.input("x", DataType::float32, {1, 1, 2}),
                w = builder.input("w", DataType::float32, {1, 3, 2}),
                r = builder.input("r", DataType::float32, {1, 3, 3});
  builder.output(builder.node("RNN", "cell", {x, w, r})[0]);
  const Network network = builder.build();
  try {
    recurrent_cells(network, network.nodes()[0]);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("node 'cell' (RNN): its W is no constant"));
  }
}

TEST(Recurrent, RefusesWhatOnnxDoesNotKnow) {
  const Tensor x = doubles({1, 1, 1}, {0.5}), w = doubles({1, 1, 1}, {1}), r = doubles({1, 1, 1}, {0});
  const auto fault = [&](const char* name, Attribute value) {
    return fault_of("RNN", {{name, std::move(value)}}, {&x, &w, &r});
  };
  EXPECT_THAT(fault("direction", std::string("forwards")), HasSubstr("did you mean 'forward'"));
  EXPECT_THAT(fault("activations", std::vector<std::string>{"Tan"}), HasSubstr("did you mean 'Tanh'"));
  EXPECT_THAT(fault("activations", std::vector<std::string>{"Tanh", "Tanh"}),
              HasSubstr("names 2 activations, not 1"));
  EXPECT_THAT(fault("activation_alpha", std::vector<float>{0.5f}), HasSubstr("alphas"));
  EXPECT_THAT(fault("clip", -1.0f), HasSubstr("clip is -1"));
  EXPECT_THAT(fault("layout", int64_t{2}), HasSubstr("layout is 2"));
  EXPECT_THAT(fault("hidden_size", int64_t{2}), HasSubstr("do not fit"));
  EXPECT_THAT(fault("linear_before_reset", int64_t{1}), HasSubstr("linear_before_reset"));
}

// One input or attribute of a good case made wrong.
void damage(RecurrentCase& made, Random& random) {
  Tensor& input =
      made.inputs[static_cast<size_t>(random.integer(0, static_cast<int64_t>(made.inputs.size()) - 1))];
  Shape shape = input.shape();
  switch (random.integer(0, 4)) {
    case 0:
      shape[static_cast<size_t>(random.integer(0, static_cast<int64_t>(shape.size()) - 1))] =
          random.integer(0, 4);
      input = Tensor(input.type(), shape);
      break;
    case 1:
      input = input.converted(random.chance(0.5) ? DataType::float32 : DataType::int64);
      break;
    case 2:
      made.attributes.set("layout", random.integer(-1, 2));
      break;
    case 3:
      made.attributes.set("hidden_size", random.chance(0.5) ? random.integer(-1, 9) : int64_t{1} << 62);
      break;
    default:
      made.inputs.pop_back();
      made.attributes.set("direction", std::string("bidirectional"));
  }
}

TEST(Recurrent, ComputesWhatItPromisesOrThrowsError) {
  Random random(10);
  int computed = 0, refused = 0;
  for (int round = 0; round < 2000; ++round) {
    RecurrentCase made = random_recurrent_case(random);
    damage(made, random);
    try {
      made.run();  // holds infer() against forward()
      ++computed;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(computed, 100);
  EXPECT_GT(refused, 100);
}

TEST(Recurrent, RefusesInputsThatDoNotFit) {
  const Tensor x = doubles({2, 1, 1}, {0.5, 1}), w = doubles({1, 1, 1}, {1}), r = doubles({1, 1, 1}, {0});
  const Tensor wide = doubles({1, 1, 2}, {1, 1}), lengths = Tensor::of<int32_t>({1}, {3}),
               flat = doubles({2}, {1, 1});
  EXPECT_THAT(fault_of("RNN", {}, {&x, &wide, &r}),
              HasSubstr("the input W has the shape 1x1x2, wanted 1x1x1"));
  EXPECT_THAT(fault_of("RNN", {}, {&flat, &w, &r}), HasSubstr("wanted three dimensions"));
  EXPECT_THAT(fault_of("RNN", {}, {&x, &w, &r, &flat}), HasSubstr("the input B"));
  EXPECT_THAT(fault_of("RNN", {}, {&x, &w, &r, nullptr, &lengths}),
              HasSubstr("sequence_lens says 3 of 2 steps"));
  EXPECT_THAT(fault_of("RNN", {}, {&x, &w, &r, nullptr, nullptr, &flat}), HasSubstr("the input initial_h"));
}

}  // namespace
}  // namespace deltahop
