// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/network/delta_cell.h"
#include "deltahop/run/allocation_test_counter.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/session_testing.h"

namespace deltahop {
namespace {

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
  for (const int64_t length : {1, 50}) {
    Session open(sequence_network(GetParam())), fixed(sequence_network(GetParam(), {length, 1, kFeatures}));
    EXPECT_EQ(fixed.inputs()[0].shape, (Shape{1, 1, kFeatures}));
    EXPECT_EQ(outputs_of(fixed, frames), outputs_of(open, frames)) << length;
  }
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

TEST(Session, GivesTheSameBitsByTwoThreads) {
  Random random(8);
  NetworkBuilder builder("large");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, kFeatures});
  builder.output(Recurrent{"GRU", "gru1", kFeatures, 600}.add(builder, x, random)[0]);
  const Network network = builder.build();
  SessionOptions options{.thresholds = {{{"*", {0.05, 0.02, 0.02}}}}};
  Session one(network, options);
  options.threads = 2;
  Session two(network, options);
  const Tensor frames = slow_frames(kSteps, 1);
  EXPECT_EQ(outputs_of(one, frames), outputs_of(two, frames));
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
