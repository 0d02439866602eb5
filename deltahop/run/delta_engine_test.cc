// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/delta_engine.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/network/delta_cell.h"

namespace deltahop {
namespace {

struct CellCase {
  std::string name;
  CellKind kind;
  bool linear_before_reset = false;
  bool peepholes = false, unusual = false;
};

std::vector<float> random_values(Random& random, int64_t count, double spread) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform(-spread, spread));
  return values;
}

RecurrentCell random_cell(const CellCase& what, int64_t inputs, int64_t hidden, uint64_t seed) {
  Random random(seed);
  RecurrentCell cell;
  cell.kind = what.kind;
  cell.linear_before_reset = what.linear_before_reset;
  cell.activations = default_activations(what.kind);
  cell.inputs = inputs;
  cell.hidden = hidden;
  const int64_t rows = cell.gates() * hidden;
  cell.input_weights = random_values(random, rows * inputs, 0.5);
  cell.recurrent_weights = random_values(random, rows * hidden, 0.4);
  cell.input_bias = random_values(random, rows, 0.3);
  cell.recurrent_bias = random_values(random, rows, 0.3);
  if (what.peepholes) cell.peepholes = random_values(random, 3 * hidden, 0.2);
  if (what.unusual) {
    cell.clip = 1.5F;
    cell.activations[0] = {Activation::hard_sigmoid, 0.2F, 0.5F};
    cell.input_forget = what.kind == CellKind::lstm;
  }
  return cell;
}

// A slow walk with noise: some elements change a lot, most a little.
class Walk {
 public:
  Walk(int64_t size, uint64_t seed) : random_(seed), values_(static_cast<size_t>(size), 0.0F) {}
  std::span<const float> next() {
    for (float& value : values_)
      value = 0.98F * value + static_cast<float>(random_.normal() * (random_.chance(0.1) ? 0.5 : 0.02));
    return values_;
  }

 private:
  Random random_;
  std::vector<float> values_;
};

constexpr int64_t kInputs = 11, kHidden = 37, kSteps = 60;

class Cells : public testing::TestWithParam<CellCase> {};

struct Outcome {
  std::vector<float> hidden;  // of all steps
  std::vector<StreamStatistics> counts;
};

Outcome run(const RecurrentCell& cell, const EngineOptions& options, int64_t steps = kSteps) {
  const auto engine = make_cell_engine(cell, options);
  Walk walk(cell.inputs, 5);
  std::vector<float> hidden(static_cast<size_t>(cell.hidden), 0.0F), state = hidden;
  Outcome result;
  for (int64_t t = 0; t < steps; ++t) {
    engine->step(walk.next(), hidden, state);
    result.hidden.insert(result.hidden.end(), hidden.begin(), hidden.end());
  }
  engine->add_statistics(result.counts);
  return result;
}

// Expected: the plain loops in double (network/delta_cell.h).
TEST_P(Cells, FollowTheReferenceInDoubleAtThresholdZero) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 1);
  const Outcome ours = run(cell, {.name = "cell"});
  DeltaCell<double> reference(cell, {});
  Walk walk(kInputs, 5);
  for (int64_t t = 0; t < kSteps; ++t) {
    const std::span<const float> x = walk.next();
    reference.step(std::vector<double>(x.begin(), x.end()));
    for (int64_t i = 0; i < kHidden; ++i) {
      EXPECT_NEAR(ours.hidden[static_cast<size_t>(t * kHidden + i)],
                  reference.hidden()[static_cast<size_t>(i)], 2e-5)
          << "step " << t;
    }
  }
}

// With thresholds, two correct float programs part ways where a change lies just at its threshold; over a few
// steps they do not.
TEST_P(Cells, FollowTheReferenceInFloatWithThresholdsAndSendTheSameColumns) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 2);
  const DeltaThresholds thresholds{0.1, 0.05, 0.03};
  constexpr int64_t kFew = 12;
  const Outcome ours = run(cell, {.name = "cell", .thresholds = thresholds}, kFew);
  DeltaCell<float> reference(cell, thresholds);
  Walk walk(kInputs, 5);
  for (int64_t t = 0; t < kFew; ++t) {
    reference.step(walk.next());
    for (int64_t i = 0; i < kHidden; ++i) {
      EXPECT_NEAR(ours.hidden[static_cast<size_t>(t * kHidden + i)],
                  reference.hidden()[static_cast<size_t>(i)], 2e-5)
          << "step " << t;
    }
  }
  EXPECT_EQ(ours.counts[0].sent, reference.counts().sent_x);
  EXPECT_EQ(ours.counts[1].sent, reference.counts().sent_h);
  if (ours.counts.size() > 2) {
    EXPECT_EQ(ours.counts[2].sent, reference.counts().sent_rh);
  }
  EXPECT_LT(ours.counts[0].sent, kFew * kInputs);
}

TEST_P(Cells, GiveTheSameBitsByChangesAndInFullInIntegers) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 3);
  for (const Precision precision : {Precision::int8, Precision::int16}) {
    EngineOptions options{.name = "cell", .precision = precision};
    options.ranges = {{"cell.x", 3.0}, {"cell.h", 4.0}, {"cell.rh", 4.0}};
    const Outcome by_changes = run(cell, options);
    options.delta = false;
    const Outcome in_full = run(cell, options);
    EXPECT_EQ(by_changes.hidden, in_full.hidden) << name_of(precision);
    EXPECT_EQ(in_full.counts[0].sent, kSteps * kInputs);
  }
}

TEST_P(Cells, StayNearFloatInIntegers) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 4);
  const Outcome exact = run(cell, {.name = "cell"});
  EngineOptions options{.name = "cell", .precision = Precision::int16};
  options.ranges = {{"cell.x", 3.0}, {"cell.h", 1.5}, {"cell.rh", 1.5}};
  const Outcome ours = run(cell, options);
  for (size_t i = 0; i < exact.hidden.size(); ++i) EXPECT_NEAR(ours.hidden[i], exact.hidden[i], 5e-3);
  options.precision = Precision::int8;
  const Outcome coarse = run(cell, options);
  double squares = 0;
  for (size_t i = 0; i < exact.hidden.size(); ++i)
    squares += std::pow(static_cast<double>(coarse.hidden[i] - exact.hidden[i]), 2);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(exact.hidden.size())), 0.02);
}

TEST_P(Cells, DoNotDependOnWhetherBusyStepsAreDoneInFull) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 6);
  EngineOptions options{.name = "cell", .thresholds = {0.05, 0.02, 0.02}};
  const Outcome chosen = run(cell, options);
  options.dense_where_faster = false;
  EXPECT_EQ(chosen.hidden, run(cell, options).hidden);
}

TEST_P(Cells, GoOnFromASavedStateAsIfNothingHadHappened) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 7);
  const EngineOptions options{.name = "cell", .thresholds = {0.05, 0.02, 0.02}};
  const auto first = make_cell_engine(cell, options), second = make_cell_engine(cell, options);
  Walk walk(kInputs, 8);
  std::vector<float> hidden(kHidden, 0.0F), state = hidden;
  for (int t = 0; t < 10; ++t) first->step(walk.next(), hidden, state);
  StateWriter writer;
  first->save(writer);
  EXPECT_EQ(writer.bytes().size(), first->state_bytes());
  StateReader reader(writer.bytes());
  second->restore(reader);
  EXPECT_TRUE(reader.is_done());
  std::vector<float> other_hidden = hidden, other_state = state;
  for (int t = 0; t < 10; ++t) {
    const std::span<const float> x = walk.next();
    first->step(x, hidden, state);
    second->step(x, other_hidden, other_state);
    EXPECT_EQ(hidden, other_hidden);
  }
}

// Every kind of cell and of number, by changes and in full: the same bits as alone.
TEST_P(Cells, SideBySideDoNotTouchEachOther) {
  const RecurrentCell cell = random_cell(GetParam(), kInputs, kHidden, 9);
  for (const Precision precision : {Precision::float32, Precision::int8}) {
    for (const bool delta : {true, false}) {
      EngineOptions options{
          .name = "cell", .precision = precision, .thresholds = {0.05, 0.02, 0.02}, .delta = delta};
      options.ranges = {{"cell.x", 3.0}, {"cell.h", 4.0}, {"cell.rh", 4.0}};
      const Outcome alone = run(cell, options);
      options.streams = 3;
      const auto engine = make_cell_engine(cell, options);
      Walk walk(kInputs, 5), other(kInputs, 6);
      std::vector<float> x(3 * kInputs), hidden(3 * kHidden, 0.0F), state = hidden;
      for (int64_t t = 0; t < kSteps; ++t) {
        const std::span<const float> first = other.next(), last = walk.next();
        std::copy(first.begin(), first.end(), x.begin());
        std::copy(last.begin(), last.end(), x.begin() + 2 * kInputs);
        engine->step(x, hidden, state);
        for (size_t i = 0; i < kHidden; ++i)
          ASSERT_EQ(hidden[2 * kHidden + i], alone.hidden[static_cast<size_t>(t * kHidden) + i]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Cells,
                         testing::Values(CellCase{"gru_reset_before", CellKind::gru, false},
                                         CellCase{"gru_reset_after", CellKind::gru, true},
                                         CellCase{"lstm", CellKind::lstm},
                                         CellCase{"lstm_peepholes", CellKind::lstm, false, true},
                                         CellCase{"lstm_unusual", CellKind::lstm, false, true, true},
                                         CellCase{"gru_unusual_before", CellKind::gru, false, false, true},
                                         CellCase{"gru_unusual_after", CellKind::gru, true, false, true},
                                         CellCase{"rnn", CellKind::rnn}),
                         [](const auto& each) { return each.param.name; });

TEST(DeltaEngine, AProductIsItsMatrixTimesTheValuesAndTheBias) {
  const auto product = make_product_engine({2, 3, {1, 2, 3, 4, 5, 6}, {10, 20}}, {.name = "fc"});
  std::vector<float> out(2);
  product->multiply(std::vector<float>{1, 0, -1}, out);
  EXPECT_EQ(out, (std::vector<float>{8, 18}));
  product->multiply(std::vector<float>{1, 2, -1}, out);
  EXPECT_EQ(out, (std::vector<float>{12, 28}));
  std::vector<StreamStatistics> counts;
  product->add_statistics(counts);
  EXPECT_EQ(counts[0].sent, 3);  // 1 and -1 first, then 2
  EXPECT_EQ(counts[0].dense_columns(), 6);
}

TEST(DeltaEngine, IntegersAskForTheRangeOfAnInput) {
  const RecurrentCell cell = random_cell({"", CellKind::gru}, 2, 3, 1);
  try {
    make_cell_engine(cell, {.name = "gru1", .kind = "GRU", .precision = Precision::int8});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("node 'gru1' (GRU): integers need the range"),
              std::string::npos);
  }
}

TEST(DeltaEngine, CountsValuesBeyondTheirRange) {
  const auto product = make_product_engine(
      {1, 2, {1, 1}, {}}, {.name = "fc", .precision = Precision::int8, .ranges = {{"fc.x", 2.0}}});
  std::vector<float> out(1);
  product->multiply(std::vector<float>{5, 1}, out);
  std::vector<StreamStatistics> counts;
  product->add_statistics(counts);
  EXPECT_EQ(counts[0].saturated, 1);
  EXPECT_NEAR(out[0], 3.0F, 1e-3F);
}

}  // namespace
}  // namespace deltahop
