// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/network/delta_cell.h"
#include "deltahop/run/allocation_test_counter.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

Tensor random_tensor(const Shape& shape, Random& random, double spread = 0.4) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-spread, spread));
  return tensor;
}

// A recurrent layer in a network that is being built.
struct Recurrent {
  std::string kind, name;
  int64_t inputs, hidden;
  Attributes attributes = {};
  std::vector<ValueId> states = {};  // initial_h, initial_c

  std::vector<ValueId> add(NetworkBuilder& builder, ValueId x, Random& random, int outputs = 1) const {
    const int64_t rows = (kind == "LSTM" ? 4 : kind == "GRU" ? 3 : 1) * hidden;
    std::vector<ValueId> operands = {x,
                                     builder.constant(name + ".w", random_tensor({1, rows, inputs}, random)),
                                     builder.constant(name + ".r", random_tensor({1, rows, hidden}, random)),
                                     builder.constant(name + ".b", random_tensor({1, 2 * rows}, random))};
    if (!states.empty()) operands.push_back(kNoValue);
    operands.insert(operands.end(), states.begin(), states.end());
    Attributes all = attributes;
    all.set("hidden_size", hidden);
    return builder.node(kind, name, operands, all, outputs);
  }
};

constexpr int64_t kFeatures = 6, kHidden = 9, kClasses = 4, kSteps = 20;

// [T, N, features] -> recurrent layer -> squeezed -> MatMul, Add, Softmax: one row of scores a time step.
Network sequence_network(const std::string& kind, Shape shape = {kSymbolic, kSymbolic, kFeatures}) {
  Random random(3);
  NetworkBuilder builder("sequence");
  const ValueId x = builder.input("x", DataType::float32, std::move(shape), {"time", "batch", ""});
  const ValueId y = Recurrent{kind, "rnn1", kFeatures, kHidden}.add(builder, x, random)[0];
  const ValueId axes = builder.constant("axes", Tensor::of<int64_t>({1}, {1}));
  const ValueId flat = builder.node("Squeeze", "squeeze", {y, axes})[0];
  const ValueId w = builder.constant("fc.w", random_tensor({kHidden, kClasses}, random));
  const ValueId b = builder.constant("fc.b", random_tensor({kClasses}, random));
  const ValueId product = builder.node("MatMul", "fc", {flat, w})[0];
  const ValueId sum = builder.node("Add", "fc.add", {product, b})[0];
  builder.output(builder.node("Softmax", "scores", {sum}, {{"axis", int64_t{-1}}})[0]);
  return builder.build();
}

// Frames that change slowly, [steps, features].
Tensor slow_frames(int64_t steps, uint64_t seed) {
  Random random(seed);
  Tensor frames(DataType::float32, {steps, kFeatures});
  const auto values = frames.values<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const float before = i < kFeatures ? 0.0F : values[i - kFeatures];
    values[i] = 0.95F * before + static_cast<float>(random.normal() * (random.chance(0.2) ? 0.5 : 0.03));
  }
  return frames;
}

std::span<const float> frame_of(const Tensor& frames, int64_t step) {
  return frames.values<float>().subspan(static_cast<size_t>(step * kFeatures), kFeatures);
}

std::vector<float> outputs_of(Session& session, const Tensor& frames) {
  std::vector<float> all;
  for (int64_t t = 0; t < frames.dim(0); ++t) {
    session.step(frame_of(frames, t));
    all.insert(all.end(), session.output().begin(), session.output().end());
  }
  return all;
}

std::string refusal(const Network& network, const SessionOptions& options = {}) {
  try {
    const Session session(network, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

class Sequences : public testing::TestWithParam<std::string> {};

// Expected: the whole sequence at once, by the float executor.
TEST_P(Sequences, GiveStepByStepWhatTheyGiveAsAWhole) {
  const Network network = sequence_network(GetParam());
  const Tensor frames = slow_frames(kSteps, 1);
  const Tensor whole =
      execute(network.bound({{kSteps, 1, kFeatures}}), {frames.reshaped({kSteps, 1, kFeatures})}, {}).at(0);
  Session session(network);
  const std::vector<float> steps = outputs_of(session, frames);
  ASSERT_EQ(static_cast<int64_t>(steps.size()), whole.size());
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_NEAR(steps[i], whole.values<float>()[i], 2e-6);
}

TEST_P(Sequences, OfAFixedLengthGoStepByStepAsWell) {
  const Tensor frames = slow_frames(5, 1);
  Session open(sequence_network(GetParam())), fixed(sequence_network(GetParam(), {50, 1, kFeatures}));
  EXPECT_EQ(fixed.inputs()[0].shape, (Shape{1, 1, kFeatures}));
  EXPECT_EQ(outputs_of(fixed, frames), outputs_of(open, frames));
}

TEST_P(Sequences, AllocateNothingInAStep) {
  for (const Precision precision : {Precision::float32, Precision::int8, Precision::int16}) {
    SessionOptions options{.precision = precision, .thresholds = {{{"*", {0.05, 0.02, 0.02}}}}};
    options.ranges = {{"rnn1.x", 3.0}, {"rnn1.h", 1.0}, {"rnn1.rh", 1.0}, {"fc.x", 1.0}};
    Session session(sequence_network(GetParam()), options);
    EXPECT_TRUE(session.allocating_nodes().empty());
    const Tensor frames = slow_frames(kSteps, 1);
    session.step(frame_of(frames, 0));
    const int64_t before = allocation_count();
    for (int64_t t = 1; t < kSteps; ++t) session.step(frame_of(frames, t));
    EXPECT_EQ(allocation_count() - before, 0) << name_of(precision);
  }
}

TEST_P(Sequences, GoOnFromASavedState) {
  const SessionOptions options{.thresholds = {{{"*", {0.05, 0.02, 0.02}}}}};
  Session first(sequence_network(GetParam()), options), second(sequence_network(GetParam()), options);
  outputs_of(first, slow_frames(7, 1));
  second.restore(first.save());
  EXPECT_EQ(outputs_of(first, slow_frames(6, 2)), outputs_of(second, slow_frames(6, 2)));
}

TEST_P(Sequences, StartAnewAfterAReset) {
  Session session(sequence_network(GetParam()), {.thresholds = {{{"*", {0.05, 0.02, 0.02}}}}});
  const Tensor frames = slow_frames(kSteps, 1);
  const std::vector<float> first = outputs_of(session, frames);
  session.reset();
  EXPECT_EQ(session.statistics().steps, kSteps);
  session.clear_statistics();
  EXPECT_EQ(session.statistics().steps, 0);
  EXPECT_EQ(session.statistics().sent_bytes(), 0);
  EXPECT_EQ(outputs_of(session, frames), first);
}

INSTANTIATE_TEST_SUITE_P(All, Sequences, testing::Values("GRU", "LSTM", "RNN"));

// Law: the columns that the session counts are those that the reference in plain loops sends.
TEST(Session, CountsTheColumnsThatTheReferenceSends) {
  const Network network = sequence_network("GRU");
  const DeltaThresholds thresholds{0.1, 0.05, 0.04};
  Session session(network, {.thresholds = {{{"rnn1", thresholds}}}});
  DeltaCell<float> reference(recurrent_cells(network, network.nodes()[0])[0], thresholds);
  const Tensor frames = slow_frames(kSteps, 4);
  outputs_of(session, frames);
  for (int64_t t = 0; t < kSteps; ++t) reference.step(frame_of(frames, t));
  const SessionStatistics counts = session.statistics();
  ASSERT_EQ(counts.streams.size(), 4u);  // x, h, rh, and the product in full
  EXPECT_EQ(counts.streams[0].sent, reference.counts().sent_x);
  EXPECT_EQ(counts.streams[1].sent, reference.counts().sent_h);
  EXPECT_EQ(counts.streams[2].sent, reference.counts().sent_rh);
  EXPECT_EQ(counts.streams[2].gates, "h");
  EXPECT_FALSE(counts.streams[3].is_delta);
  EXPECT_EQ(counts.streams[3].sent, kSteps * kHidden);
  EXPECT_GT(counts.sparsity(), 0.1);
}

// The mixed streams of one layer: bytes are columns times their height.
TEST(Session, AddsUpBytes) {
  Session session(sequence_network("LSTM"), {.thresholds = {{{"*", {0.1, 0.05, 0}}}}});
  outputs_of(session, slow_frames(kSteps, 4));
  const SessionStatistics counts = session.statistics();
  const int64_t rows = 4 * kHidden;
  EXPECT_EQ(counts.dense_bytes(), kSteps * 4 * (rows * (kFeatures + kHidden) + kClasses * kHidden));
  EXPECT_EQ(counts.sent_bytes(), 4 * (rows * (counts.streams[0].sent + counts.streams[1].sent) +
                                      kClasses * counts.streams[2].sent));
  EXPECT_GE(counts.read_bytes(), counts.sent_bytes());
}

TEST(Session, IntegersAtThresholdZeroGiveTheBitsOfAFullProduct) {
  const Network network = sequence_network("GRU");
  SessionOptions options{.precision = Precision::int8};
  options.ranges = {{"rnn1.x", 2.0}, {"fc.x", 1.0}};
  Session by_changes(network, options);
  options.delta = false;
  Session in_full(network, options);
  const Tensor frames = slow_frames(200, 1);
  EXPECT_EQ(outputs_of(by_changes, frames), outputs_of(in_full, frames));
  EXPECT_LT(by_changes.statistics().sent_bytes(), in_full.statistics().sent_bytes());
}

TEST(Session, RecordsTheRangesThatIntegersNeed) {
  const Network network = sequence_network("LSTM");
  Session session(network, {.record_ranges = true});
  const Tensor frames = slow_frames(kSteps, 1);
  outputs_of(session, frames);
  const auto ranges = session.ranges();
  EXPECT_DOUBLE_EQ(ranges.at("rnn1.x"), largest_magnitude(frames));
  EXPECT_GT(ranges.at("fc.x"), 0);
  EXPECT_NO_THROW(Session(network, {.precision = Precision::int8, .ranges = ranges}));
}

TEST(Session, TakesSeveralStreamsSideBySide) {
  const Network network = sequence_network("GRU");
  const SessionOptions options{.thresholds = {{{"*", {0.05, 0.02, 0.02}}}}};
  SessionOptions two = options;
  two.streams = 2;
  Session both(network, two), one(network, options);
  const Tensor frames = slow_frames(kSteps, 1), others = slow_frames(kSteps, 2);
  for (int64_t t = 0; t < kSteps; ++t) {
    std::copy_n(frame_of(others, t).begin(), kFeatures, both.input().begin());
    std::copy_n(frame_of(frames, t).begin(), kFeatures, both.input().begin() + kFeatures);
    both.step();
    one.step(frame_of(frames, t));
    EXPECT_TRUE(std::equal(one.output().begin(), one.output().end(), both.output().begin() + kClasses));
  }
}

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

TEST(Session, FeedsStatesBackThatNamesGiveAway) {
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

TEST(Session, LeavesStatesToTheCallerWhereTheyAreNotLooped) {
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

TEST(Session, RefusesLoopsThatDoNotFit) {
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
TEST(Session, RunsALayerThatIsWrittenOutAndSkipsItsColumns) {
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

TEST(Session, RefusesLayersThatGoBackwards) {
  Random random(3);
  NetworkBuilder builder("backwards");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  builder.output(Recurrent{"GRU", "gru1", kFeatures, kHidden, {{"direction", std::string("reverse")}}}.add(
      builder, x, random)[0]);
  EXPECT_EQ(refusal(builder.build()),
            "node 'gru1' (GRU): a stream cannot go through a reversed layer: it starts at the end of the "
            "sequence; run whole sequences, or train a network of forward layers");
}

TEST(Session, RefusesLayersThatMixTimeSteps) {
  Random random(3);
  NetworkBuilder builder("mixing");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  const ValueId y = Recurrent{"GRU", "gru1", kFeatures, kHidden}.add(builder, x, random)[0];
  builder.output(builder.node("Softmax", "attention", {y}, {{"axis", int64_t{0}}})[0]);
  EXPECT_EQ(refusal(builder.build()),
            "node 'attention' (Softmax): a stream cannot go through it step by step: its output at one time "
            "step depends on other steps; run whole sequences");
}

TEST(Session, TakesTheLastStepForTheAnswerSoFar) {
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

TEST(Session, NamesNodesThatAllocate) {
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

TEST(Session, RefusesFramesAndStatesThatDoNotFit) {
  Session session(sequence_network("GRU"));
  EXPECT_THROW(session.step(std::vector<float>(kFeatures + 1)), Error);
  const std::string good = session.save();
  const auto fault = [&](std::string bytes) {
    try {
      session.restore(bytes);
    } catch (const Error& error) {
      return std::string(error.what()).substr(0, std::string(error.what()).find(';'));
    }
    return std::string("none");
  };
  EXPECT_EQ(fault(good), "none");
  EXPECT_EQ(fault(good.substr(0, 10)), "saved state: is cut off");
  EXPECT_EQ(fault(good.substr(0, good.size() - 1)), "saved state: is cut off or too long");
  EXPECT_EQ(fault("X" + good.substr(1)), "saved state: is none, or of another version");
  std::string damaged = good;
  damaged.back() = static_cast<char>(damaged.back() + 1);
  EXPECT_EQ(fault(damaged), "saved state: is damaged");
  EXPECT_EQ(fault(Session(sequence_network("LSTM")).save()),
            "saved state: is of another network or other options");
}

TEST(Session, RefusesThresholdsOfLayersThatAreNotThere) {
  EXPECT_EQ(refusal(sequence_network("GRU"), {.thresholds = {{{"rnn2", {0.1, 0, 0}}}}}),
            "thresholds: the network has no layer 'rnn2'; did you mean 'rnn1'?");
}

TEST(Session, MeasuresEveryStep) {
  Session session(sequence_network("GRU"));
  outputs_of(session, slow_frames(kSteps, 1));
  const LatencySummary latency = session.latency();
  EXPECT_EQ(latency.steps, kSteps);
  EXPECT_GT(latency.median_s, 0);
  EXPECT_LE(latency.median_s, latency.p99_s);
  EXPECT_LE(latency.p99_s, latency.max_s);
}

// 1 to 1000 us: the median is 500 us, the 99th percentile 990 us, each within the bucket's 1/64.
TEST(LatencyRecorder, FindsQuantilesWithinItsBuckets) {
  LatencyRecorder recorder;
  for (int i = 1; i <= 1000; ++i) recorder.add(i * 1e-6);
  const LatencySummary summary = recorder.summary();
  EXPECT_NEAR(summary.median_s, 500e-6, 500e-6 / 64);
  EXPECT_NEAR(summary.p99_s, 990e-6, 990e-6 / 64);
  EXPECT_DOUBLE_EQ(summary.max_s, 1000e-6);
  EXPECT_NEAR(summary.mean_s, 500.5e-6, 1e-12);
}

}  // namespace
}  // namespace deltahop
