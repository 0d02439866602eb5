// SPDX-License-Identifier: Apache-2.0
// Which graphs a session takes, and what it makes of their states.
#include <gtest/gtest.h>

#include "deltahop/run/allocation_test_counter.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/session_testing.h"

namespace deltahop {
namespace {

// A graph of one step: x and the state go in, the new state comes out.
Network step_network(const std::string& in, const std::string& out) {
  Random random(3);
  NetworkBuilder builder("step");
  const ValueId x = builder.input("x", DataType::float32, {1, 1, kFeatures});
  const ValueId h = builder.input(in, DataType::float32, {1, 1, kHidden});
  const auto y = Recurrent{"GRU", "rnn1", kFeatures, kHidden, {}, {h}}.add(builder, x, random, 2);
  builder.output(y[0]);
  const ValueId named = builder.declare(out);
  builder.node_into("Identity", "state", {y[1]}, {named});
  builder.output(named);
  return builder.build();
}

TEST(SessionGraphs, FeedStatesBackThatNamesGiveAway) {
  for (const auto& [in, out] :
       {std::pair("h0", "hn"), std::pair("state_in", "state_out"), std::pair("hidden", "hiddenNext")}) {
    Session session(step_network(in, out));
    ASSERT_EQ(session.loops().size(), 1u) << in;
    EXPECT_TRUE(session.inputs()[1].is_loop);
    Random random(3);
    NetworkBuilder builder("sequence");
    const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
    builder.output(Recurrent{"GRU", "rnn1", kFeatures, kHidden}.add(builder, x, random)[0]);
    Session sequence(builder.build());
    const Tensor frames = slow_frames(kSteps, 1);
    EXPECT_EQ(outputs_of(session, frames), outputs_of(sequence, frames));
  }
}

TEST(SessionGraphs, LeaveStatesToTheCallerWhereTheyAreNotLooped) {
  Session looped(step_network("h0", "hn")), open(step_network("h0", "hn"), {.find_loops = false});
  EXPECT_TRUE(open.loops().empty());
  const Tensor frames = slow_frames(kSteps, 1);
  for (int64_t t = 0; t < kSteps; ++t) {
    looped.step(frame_of(frames, t));
    open.step(frame_of(frames, t));
    EXPECT_TRUE(std::equal(open.output().begin(), open.output().end(), looped.output().begin()));
    std::copy(open.output(1).begin(), open.output(1).end(), open.input(1).begin());
  }
}

TEST(SessionGraphs, RefuseLoopsThatDoNotFit) {
  SessionOptions options;
  options.loops = {{"x", "hn"}};
  EXPECT_EQ(refusal(step_network("h0", "hn"), options),
            "state loop from 'hn' to 'x': 1x1x9 does not fit 1x1x6");
  options.loops = {{"h1", "hn"}};
  EXPECT_EQ(refusal(step_network("h0", "hn"), options),
            "state loop to 'h1': the network has no such input; did you mean 'h0'?");
}

// An LSTM cell in plain operators, as exporters write it; its states pass through a slice and a stack.
Network written_out_lstm(Random& random) {
  NetworkBuilder builder("written_out");
  const ValueId x = builder.input("x", DataType::float32, {1, kFeatures});
  const ValueId states = builder.input("states", DataType::float32, {2, 1, kHidden});
  const auto ints = [&](const std::string& name, int64_t value) {
    return builder.constant(name, Tensor::of<int64_t>({1}, {value}));
  };
  const ValueId zero = ints("zero", 0), one = ints("one", 1), two = ints("two", 2);
  const auto state = [&](const std::string& name, ValueId begin, ValueId end) {
    const ValueId piece = builder.node("Slice", name + ".slice", {states, begin, end, zero})[0];
    return builder.node("Squeeze", name, {piece, zero})[0];
  };
  const ValueId h = state("h", zero, one), c = state("c", one, two);
  const auto product = [&](const std::string& name, ValueId value, int64_t size) {
    return builder.node(
        "MatMul", name,
        {value, builder.constant(name + ".w", random_tensor({size, 4 * kHidden}, random))})[0];
  };
  ValueId sum = builder.node("Add", "sum", {product("of_x", x, kFeatures), product("of_h", h, kHidden)})[0];
  sum = builder.node("Add", "biased", {sum, builder.constant("b", random_tensor({4 * kHidden}, random))})[0];
  const auto gates =
      builder.node("Split", "gates", {sum}, {{"axis", int64_t{1}}, {"num_outputs", int64_t{4}}}, 4, 18);
  const auto apply = [&](const std::string& kind, const std::string& name, std::vector<ValueId> inputs) {
    return builder.node(kind, name, std::move(inputs))[0];
  };
  const ValueId i = apply("Sigmoid", "i", {gates[0]}), o = apply("Sigmoid", "o", {gates[1]}),
                f = apply("Sigmoid", "f", {gates[2]}), g = apply("Tanh", "g", {gates[3]});
  const ValueId next_c =
      apply("Add", "next_c", {apply("Mul", "kept", {f, c}), apply("Mul", "written", {i, g})});
  const ValueId next_h = apply("Mul", "next_h", {o, apply("Tanh", "squashed", {next_c})});
  builder.output(next_h);
  const ValueId stacked_h = builder.node("Unsqueeze", "h.up", {next_h, zero})[0];
  const ValueId stacked_c = builder.node("Unsqueeze", "c.up", {next_c, zero})[0];
  builder.output(builder.node("Concat", "next_states", {stacked_h, stacked_c}, {{"axis", int64_t{0}}})[0]);
  return builder.build();
}

// Expected: the executor on the graph of one step, states fed back by hand.
TEST(SessionGraphs, RunALayerThatIsWrittenOutAndSkipItsColumns) {
  Random random(3);
  const Network network = written_out_lstm(random);
  Session exact(network), skipping(network, {.thresholds = {{{"*", {0.1, 0.05, 0}}}}});
  EXPECT_TRUE(exact.allocating_nodes().empty());
  ASSERT_EQ(exact.loops().size(), 1u);
  const Tensor frames = slow_frames(kSteps, 1);
  Tensor states(DataType::float32, {2, 1, kHidden});
  for (int64_t t = 0; t < kSteps; ++t) {
    Tensor frame(DataType::float32, {1, kFeatures});
    std::copy_n(frame_of(frames, t).begin(), kFeatures, frame.values<float>().begin());
    std::vector<Tensor> wanted = execute(network, {frame, states}, {});
    exact.step(frame_of(frames, t));
    skipping.step(frame_of(frames, t));
    for (size_t i = 0; i < kHidden; ++i) EXPECT_NEAR(exact.output()[i], wanted[0].values<float>()[i], 3e-6);
    states = wanted[1];
  }
  const SessionStatistics counts = skipping.statistics();
  ASSERT_EQ(counts.streams.size(), 2u);
  for (const StreamStatistics& each : counts.streams) {
    EXPECT_TRUE(each.is_delta);
    EXPECT_EQ(each.stream, each.layer == "of_h" ? "h" : "x");
    EXPECT_EQ(each.threshold, each.layer == "of_h" ? 0.05 : 0.1);
    EXPECT_GT(each.sparsity(), 0.1);
  }
}

TEST(SessionGraphs, OfPlainOperatorsAllocateNothingInAStep) {
  Random random(3);
  const Network network = written_out_lstm(random);
  for (const Precision precision : {Precision::float32, Precision::int8}) {
    SessionOptions options{.precision = precision, .thresholds = {{{"*", {0.1, 0.05, 0}}}}};
    options.ranges = {{"of_x.x", 3.0}, {"of_h.h", 1.0}};
    Session session(network, options);
    const Tensor frames = slow_frames(kSteps, 1);
    session.step(frame_of(frames, 0));
    const int64_t before = allocation_count();
    for (int64_t t = 1; t < kSteps; ++t) session.step(frame_of(frames, t));
    EXPECT_EQ(allocation_count() - before, 0) << name_of(precision);
  }
}

TEST(SessionGraphs, RefuseLayersThatGoBackwards) {
  Random random(3);
  NetworkBuilder builder("backwards");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  builder.output(Recurrent{"GRU", "gru1", kFeatures, kHidden, {{"direction", std::string("reverse")}}}.add(
      builder, x, random)[0]);
  EXPECT_EQ(refusal(builder.build()),
            "node 'gru1' (GRU): a stream cannot go through a reversed layer: it starts at the end of the "
            "sequence; run whole sequences, or train a network of forward layers");
}

TEST(SessionGraphs, RefuseLayersThatMixTimeSteps) {
  Random random(3);
  NetworkBuilder builder("mixing");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  const ValueId y = Recurrent{"GRU", "gru1", kFeatures, kHidden}.add(builder, x, random)[0];
  builder.output(builder.node("Softmax", "attention", {y}, {{"axis", int64_t{0}}})[0]);
  EXPECT_EQ(refusal(builder.build()),
            "node 'attention' (Softmax): a stream cannot go through it step by step: its output at one time "
            "step depends on other steps; run whole sequences");
}

TEST(SessionGraphs, RefuseALengthThatIsWrittenIntoTheGraph) {
  Random random(3);
  NetworkBuilder builder("stiff");
  const ValueId x = builder.input("x", DataType::float32, {7, 1, kFeatures});
  const ValueId y = Recurrent{"GRU", "gru1", kFeatures, kHidden}.add(builder, x, random)[0];
  const ValueId shape = builder.constant("shape", Tensor::of<int64_t>({2}, {7, kHidden}));
  builder.output(builder.node("Reshape", "rows", {y, shape})[0]);
  EXPECT_EQ(
      refusal(builder.build()),
      "stiff: its sequence length 7 cannot be taken one step at a time; export it with an open sequence "
      "length");
}

TEST(SessionGraphs, TakeTheLastStepForTheAnswerSoFar) {
  Random random(3);
  NetworkBuilder builder("last");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  const ValueId y = Recurrent{"GRU", "gru1", kFeatures, kHidden}.add(builder, x, random)[0];
  const ValueId last = builder.constant("last", Tensor::of<int64_t>({}, {-1}));
  builder.output(builder.node("Gather", "pick", {y, last}, {{"axis", int64_t{0}}})[0]);
  const Network network = builder.build();
  Session session(network);
  const Tensor frames = slow_frames(3, 1);
  outputs_of(session, frames);
  const Tensor whole =
      execute(network.bound({{3, 1, kFeatures}}), {frames.reshaped({3, 1, kFeatures})}, {}).at(0);
  for (size_t i = 0; i < kHidden; ++i) EXPECT_NEAR(session.output()[i], whole.values<float>()[i], 2e-6);
}

TEST(SessionGraphs, NameNodesThatAllocate) {
  Random random(3);
  NetworkBuilder builder("other");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  const ValueId y = Recurrent{"GRU", "gru1", kFeatures, kHidden}.add(builder, x, random)[0];
  const ValueId scale = builder.constant("scale", random_tensor({kHidden}, random));
  builder.output(builder.node("LayerNormalization", "norm", {y, scale})[0]);
  const Network network = builder.build();
  Session session(network);
  EXPECT_EQ(session.allocating_nodes(), std::vector<std::string>{"norm (LayerNormalization)"});
  const Tensor frames = slow_frames(4, 1);
  const Tensor whole =
      execute(network.bound({{4, 1, kFeatures}}), {frames.reshaped({4, 1, kFeatures})}, {}).at(0);
  const std::vector<float> steps = outputs_of(session, frames);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_NEAR(steps[i], whole.values<float>()[i], 1e-5);
}

// A network over sequences whose first state is an input of its own: it is the start, then the state is
// carried.
TEST(SessionGraphs, TakeTheStateOfASequenceAtItsStartOnly) {
  Random random(3);
  NetworkBuilder builder("started");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures}, {"time", "", ""});
  const ValueId h = builder.input("start", DataType::float32, {1, 1, kHidden});
  builder.output(Recurrent{"GRU", "gru1", kFeatures, kHidden, {}, {h}}.add(builder, x, random)[0]);
  const Network network = builder.build();
  const Tensor frames = slow_frames(5, 1), state = random_tensor({1, 1, kHidden}, random);
  const Tensor whole = execute(network.bound({{5, 1, kFeatures}, {1, 1, kHidden}}),
                               {frames.reshaped({5, 1, kFeatures}), state}, {})
                           .at(0);
  Session session(network);
  EXPECT_TRUE(session.loops().empty());
  for (int round = 0; round < 2; ++round) {
    session.reset();
    std::copy(state.values<float>().begin(), state.values<float>().end(), session.input(1).begin());
    const std::vector<float> steps = outputs_of(session, frames);
    for (size_t i = 0; i < steps.size(); ++i) EXPECT_NEAR(steps[i], whole.values<float>()[i], 2e-6);
  }
}

TEST(SessionGraphs, RefuseBidirectionalLayers) {
  Random random(3);
  NetworkBuilder builder("both");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  const ValueId w = builder.constant("w", random_tensor({2, 3 * kHidden, kFeatures}, random));
  const ValueId r = builder.constant("r", random_tensor({2, 3 * kHidden, kHidden}, random));
  builder.output(builder.node("GRU", "gru1", {x, w, r},
                              {{"hidden_size", kHidden}, {"direction", std::string("bidirectional")}})[0]);
  EXPECT_EQ(
      refusal(builder.build()),
      "node 'gru1' (GRU): a stream cannot go through a bidirectional layer: it starts at the end of the "
      "sequence; run whole sequences, or train a network of forward layers");
}

}  // namespace
}  // namespace deltahop
